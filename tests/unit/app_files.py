"""The app's own DocTypes and modules, read from their files without a site."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

APP = Path(__file__).resolve().parents[2] / "ar_writeoff"


def doctype(name: str) -> dict[str, Any]:
	folder = name.lower().replace(" ", "_").replace("-", "_")
	path = APP / "ar_writeoff" / "doctype" / folder / f"{folder}.json"
	return dict(json.loads(path.read_text()))


def select_options(name: str, fieldname: str) -> list[str]:
	[field] = [field for field in doctype(name)["fields"] if field["fieldname"] == fieldname]
	return [option for option in field["options"].split("\n") if option]


@cache
def modules(folder: str = "") -> tuple[tuple[str, ast.Module], ...]:
	"""Path below the app and syntax tree of each Python file."""
	paths = sorted((APP / folder).rglob("*.py"))
	return tuple((str(path.relative_to(APP)), ast.parse(path.read_text())) for path in paths)
