from typing import Any

class NamedParameterWrapper:
	def get_parameters(self) -> dict[str, Any]: ...
