"""ERPNext's functions, with some of the functions that they call replaced."""

from collections.abc import Callable
from types import FunctionType
from typing import Any


def rebind(function: Callable, **replacements: Any) -> Callable:
	"""A copy of the function that calls the replacements instead of the functions of these names in its module.

	The module stays as it is. A function that another app has replaced by something without code of its own, such as a
	partial, is returned unchanged: then ERPNext's functions are called, not the replacements.
	"""
	if not isinstance(function, FunctionType):
		return function
	copy = FunctionType(
		function.__code__,
		{**function.__globals__, **replacements},
		function.__name__,
		function.__defaults__,
		function.__closure__,
	)
	copy.__kwdefaults__ = function.__kwdefaults__
	return copy


class Overlay:
	"""An object of which some attributes are replaced."""

	def __init__(self, original: Any, **replacements: Any):
		self.__dict__.update(replacements, _original=original)

	def __getattr__(self, name: str) -> Any:
		return getattr(self._original, name)
