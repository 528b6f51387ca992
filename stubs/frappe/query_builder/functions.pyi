from typing import Any

Abs: Any
Coalesce: Any
Count: Any
Max: Any
Min: Any
Sum: Any
