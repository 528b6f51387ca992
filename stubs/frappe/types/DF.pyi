"""The types of fields, as Frappe writes them into controllers."""

from datetime import date, datetime, time, timedelta
from typing import Literal as Literal
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Data: TypeAlias = str
Text: TypeAlias = str
SmallText: TypeAlias = str
LongText: TypeAlias = str
TextEditor: TypeAlias = str
Code: TypeAlias = str
JSON: TypeAlias = str
Link: TypeAlias = str
DynamicLink: TypeAlias = str
ReadOnly: TypeAlias = str
Attach: TypeAlias = str
Password: TypeAlias = str
Check: TypeAlias = int
Int: TypeAlias = int
Float: TypeAlias = float
Currency: TypeAlias = float
Percent: TypeAlias = float
Date: TypeAlias = str | date
Datetime: TypeAlias = str | datetime
Time: TypeAlias = str | time | timedelta
Table: TypeAlias = list[T]
TableMultiSelect: TypeAlias = list[T]
