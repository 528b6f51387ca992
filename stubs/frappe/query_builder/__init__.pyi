from typing import Any

Case: Any
CustomFunction: Any

def DocType(name: str) -> Any: ...
