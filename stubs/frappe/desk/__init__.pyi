from typing import Any

def __getattr__(name: str) -> Any: ...  # nothing of it is declared here
