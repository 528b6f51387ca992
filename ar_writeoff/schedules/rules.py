"""When a schedule runs, for which period, and with which dates.

All times are wall-clock times in the site's time zone. That makes daylight saving harmless: a time that a day skips has
passed as soon as the clock jumps over it, and an hour that comes twice is one occurrence, because the occurrence is
named by its wall-clock time.
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
# Each hour in which there is something to take up.
AFTER_PAYMENTS = "After Payments"

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

SAME_DAY = "Day of the Run"
DAYS_BEFORE = "Days Before the Run"
END_OF_LAST_MONTH = "End of Last Month"
END_OF_LAST_QUARTER = "End of Last Quarter"

# A schedule is disabled after this many failures in a row.
MAX_FAILURES = 3

# Holidays in a row after which the search for a working day stops: a longer list is a mistake.
MAX_HOLIDAYS_IN_A_ROW = 366

NextCron = Callable[[datetime], datetime]


@dataclass(frozen=True, slots=True)
class Recurrence:
	"""Frequency of a schedule. `weekday` counts from 0 = Monday, `day` from 1; a day that a month lacks means its last
	day.

	`next_cron` gives the next time for `CRON`.
	"""

	frequency: str
	at: time = time(0)
	weekday: int = 0
	day: int = 1
	next_cron: NextCron | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
	"""One period of a schedule.

	`period` is its unique name. `due` is the time to run: as planned, or at the same time on the next working day.
	"""

	period: str
	planned: datetime
	due: datetime


def occurrences(
	recurrence: Recurrence, after: datetime, holidays: Collection[date] = frozenset()
) -> Iterator[Occurrence]:
	"""The occurrences planned after `after`, without end.

	One on a holiday moves to the next working day, and is dropped if the next occurrence comes first.
	"""
	planned = next_planned(recurrence, after)
	while True:
		following = next_planned(recurrence, planned)
		due = datetime.combine(working_day(planned.date(), holidays), planned.time())
		if due < following:
			yield Occurrence(period_name(recurrence, planned), planned, due)
		planned = following


def next_planned(recurrence: Recurrence, after: datetime) -> datetime:
	"""The first planned time after `after`.

	Raises:
	    ValueError: the frequency does not exist, or `CRON` has no `next_cron`.
	"""
	if recurrence.frequency == CRON and recurrence.next_cron:
		return recurrence.next_cron(after)
	if recurrence.frequency == AFTER_PAYMENTS:
		return after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
	day = after.date()
	while True:
		day = _first_matching_day(recurrence, day)
		planned = datetime.combine(day, recurrence.at)
		if planned > after:
			return planned
		day += timedelta(days=1)


def _first_matching_day(recurrence: Recurrence, day: date) -> date:
	"""The first matching day on or after this one."""
	if recurrence.frequency == DAILY:
		return day
	if recurrence.frequency == WEEKLY:
		return day + timedelta(days=(recurrence.weekday - day.weekday()) % 7)
	if recurrence.frequency == MONTHLY:
		found = _day_of_month(day.year, day.month, recurrence.day)
		if found >= day:
			return found
		return _day_of_month(day.year + day.month // 12, day.month % 12 + 1, recurrence.day)
	if recurrence.frequency == QUARTER_END:
		return end_of_month(day.year, (day.month + 2) // 3 * 3)
	raise ValueError(f"There is no frequency {recurrence.frequency!r}")


def period_name(recurrence: Recurrence, planned: datetime) -> str:
	"""Name of the period: the same for every moment in it, so that a changed day creates no second run."""
	if recurrence.frequency in (CRON, AFTER_PAYMENTS):
		return planned.strftime("%Y-%m-%d %H:%M")
	if recurrence.frequency == WEEKLY:
		year, week, _day = planned.isocalendar()
		return f"{year}-W{week:02d}"
	if recurrence.frequency == MONTHLY:
		return planned.strftime("%Y-%m")
	if recurrence.frequency == QUARTER_END:
		return f"{planned.year}-Q{(planned.month + 2) // 3}"
	return planned.strftime("%Y-%m-%d")


def working_day(day: date, holidays: Collection[date]) -> date:
	"""This day, or the next one that is not a holiday."""
	for _attempt in range(MAX_HOLIDAYS_IN_A_ROW):
		if day not in holidays:
			return day
		day += timedelta(days=1)
	return day


def relative_date(rule: str, day: date, days: int = 0) -> date:
	"""The date a rule gives on the day of a run.

	Raises:
	    ValueError: the rule does not exist.
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
