"""When a schedule runs, which period a run is for, and which dates it works with.

All times are wall-clock times of the site's time zone, without an offset. That makes summer time harmless: a
time that a day skips is past as soon as the clock jumps over it, and an hour that comes twice is one
occurrence, because the occurrence is named by its wall-clock time.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

DAILY = "Daily"
WEEKLY = "Weekly"
MONTHLY = "Monthly"
QUARTER_END = "Quarter End"
CRON = "Cron"

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

SAME_DAY = "Day of the Run"
DAYS_BEFORE = "Days Before the Run"
END_OF_LAST_MONTH = "End of Last Month"
END_OF_LAST_QUARTER = "End of Last Quarter"

# After three failures in a row a schedule is turned off: somebody has to look.
FAILURES_ALLOWED = 3

# No list of holidays is longer than this; a longer one is a mistake, not a calendar.
LONGEST_HOLIDAY = 366

NextCron = Callable[[datetime], datetime]


@dataclass(frozen=True, slots=True)
class Rhythm:
	"""How often. `weekday` counts from 0 = Monday, `day` from 1; a day that a month lacks is its last one.

	`next_cron` gives the first time after another, for `CRON`.
	"""

	frequency: str
	at: time = time(0)
	weekday: int = 0
	day: int = 1
	next_cron: NextCron | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
	"""One period of a schedule.

	`period` names it, once and for all; `due` is when it is run: the same moment, or the same time on the next
	working day.
	"""

	period: str
	planned: datetime
	due: datetime


def occurrences(
	rhythm: Rhythm, after: datetime, holidays: Collection[date] = frozenset()
) -> Iterator[Occurrence]:
	"""The occurrences planned later than `after`, without end.

	One that falls on a holiday moves to the next working day, unless the next occurrence comes first: then that
	one does its work.
	"""
	planned = next_planned(rhythm, after)
	while True:
		following = next_planned(rhythm, planned)
		due = datetime.combine(working_day(planned.date(), holidays), planned.time())
		if due < following:
			yield Occurrence(period_of(rhythm, planned), planned, due)
		planned = following


def next_planned(rhythm: Rhythm, after: datetime) -> datetime:
	"""The first time later than `after` that this rhythm plans.

	Raises:
	    ValueError: a frequency that does not exist, or `CRON` without `next_cron`.
	"""
	if rhythm.frequency == CRON and rhythm.next_cron:
		return rhythm.next_cron(after)
	day = after.date()
	while True:
		day = _first_day_from(rhythm, day)
		planned = datetime.combine(day, rhythm.at)
		if planned > after:
			return planned
		day += timedelta(days=1)


def _first_day_from(rhythm: Rhythm, day: date) -> date:
	"""The first day on or after this one on which the rhythm beats."""
	if rhythm.frequency == DAILY:
		return day
	if rhythm.frequency == WEEKLY:
		return day + timedelta(days=(rhythm.weekday - day.weekday()) % 7)
	if rhythm.frequency == MONTHLY:
		found = _day_of_month(day.year, day.month, rhythm.day)
		if found >= day:
			return found
		return _day_of_month(day.year + day.month // 12, day.month % 12 + 1, rhythm.day)
	if rhythm.frequency == QUARTER_END:
		return end_of_month(day.year, (day.month + 2) // 3 * 3)
	raise ValueError(f"There is no frequency {rhythm.frequency!r}")


def period_of(rhythm: Rhythm, planned: datetime) -> str:
	"""The name of the period: the same for every moment in it, so that a changed day makes no second run."""
	if rhythm.frequency == CRON:
		return planned.strftime("%Y-%m-%d %H:%M")
	if rhythm.frequency == WEEKLY:
		year, week, _day = planned.isocalendar()
		return f"{year}-W{week:02d}"
	if rhythm.frequency == MONTHLY:
		return planned.strftime("%Y-%m")
	if rhythm.frequency == QUARTER_END:
		return f"{planned.year}-Q{(planned.month + 2) // 3}"
	return planned.strftime("%Y-%m-%d")


def working_day(day: date, holidays: Collection[date]) -> date:
	"""This day, or the first one after it that is no holiday."""
	for _attempt in range(LONGEST_HOLIDAY):
		if day not in holidays:
			return day
		day += timedelta(days=1)
	return day


def relative_date(rule: str, day: date, days: int = 0) -> date:
	"""The date that a rule means on the day of a run.

	Raises:
	    ValueError: a rule that does not exist.
	"""
	if rule == SAME_DAY:
		return day
	if rule == DAYS_BEFORE:
		return day - timedelta(days=days)
	if rule == END_OF_LAST_MONTH:
		return day.replace(day=1) - timedelta(days=1)
	if rule == END_OF_LAST_QUARTER:
		return date(day.year, (day.month - 1) // 3 * 3 + 1, 1) - timedelta(days=1)
	raise ValueError(f"There is no rule {rule!r} for dates")


def end_of_month(year: int, month: int) -> date:
	return date(year, month, calendar.monthrange(year, month)[1])


def _day_of_month(year: int, month: int, day: int) -> date:
	return date(year, month, min(day, calendar.monthrange(year, month)[1]))
