"""Schedules: each period once, at its time, whatever the calendar and the clock do."""

from datetime import date, datetime, time, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from ar_writeoff.schedules import rules as schedule
from ar_writeoff.schedules.rules import CRON, DAILY, MONTHLY, QUARTER_END, WEEKLY, Rhythm

SIX = time(6, 0)


def first(rhythm: Rhythm, after: datetime, count: int, holidays: frozenset[date] = frozenset()) -> list[str]:
	found = islice(schedule.occurrences(rhythm, after, holidays), count)
	return [f"{one.period} {one.due:%Y-%m-%d %H:%M}" for one in found]


def test_month_ends_and_leap_day() -> None:
	assert first(Rhythm(MONTHLY, SIX, day=31), datetime(2027, 12, 1), 5) == [
		"2027-12 2027-12-31 06:00",
		"2028-01 2028-01-31 06:00",
		"2028-02 2028-02-29 06:00",
		"2028-03 2028-03-31 06:00",
		"2028-04 2028-04-30 06:00",
	]
	assert first(Rhythm(MONTHLY, SIX, day=29), datetime(2027, 2, 1), 1) == ["2027-02 2027-02-28 06:00"]


def test_quarter_ends() -> None:
	assert first(Rhythm(QUARTER_END, SIX), datetime(2026, 3, 31, 6, 0), 4) == [
		"2026-Q2 2026-06-30 06:00",
		"2026-Q3 2026-09-30 06:00",
		"2026-Q4 2026-12-31 06:00",
		"2027-Q1 2027-03-31 06:00",
	]


def test_weeks_across_the_year() -> None:
	assert first(Rhythm(WEEKLY, SIX, weekday=4), datetime(2026, 12, 24), 3) == [
		"2026-W52 2026-12-25 06:00",
		"2026-W53 2027-01-01 06:00",
		"2027-W01 2027-01-08 06:00",
	]


def test_at_the_very_moment_the_next_one_is_meant() -> None:
	assert first(Rhythm(DAILY, SIX), datetime(2026, 5, 1, 5, 59), 1) == ["2026-05-01 2026-05-01 06:00"]
	assert first(Rhythm(DAILY, SIX), datetime(2026, 5, 1, 6, 0), 1) == ["2026-05-02 2026-05-02 06:00"]


def test_cron_is_asked_for() -> None:
	every_six_hours = Rhythm(CRON, next_cron=lambda after: after + timedelta(hours=6))
	assert first(every_six_hours, datetime(2026, 5, 1), 2) == [
		"2026-05-01 06:00 2026-05-01 06:00",
		"2026-05-01 12:00 2026-05-01 12:00",
	]


WEEKEND = frozenset({date(2026, 5, 2), date(2026, 5, 3)})


def test_holidays_move_a_monthly_run_and_leave_out_a_daily_one() -> None:
	assert first(Rhythm(MONTHLY, SIX, day=2), datetime(2026, 4, 20), 2, WEEKEND) == [
		"2026-05 2026-05-04 06:00",
		"2026-06 2026-06-02 06:00",
	]
	assert first(Rhythm(DAILY, SIX), datetime(2026, 5, 1, 5, 0), 2, WEEKEND) == [
		"2026-05-01 2026-05-01 06:00",
		"2026-05-04 2026-05-04 06:00",
	]


@pytest.mark.parametrize(
	("rule", "day", "expected"),
	[
		(schedule.SAME_DAY, date(2028, 2, 29), date(2028, 2, 29)),
		(schedule.DAYS_BEFORE, date(2028, 3, 1), date(2028, 2, 28)),
		(schedule.END_OF_LAST_MONTH, date(2028, 3, 31), date(2028, 2, 29)),
		(schedule.END_OF_LAST_MONTH, date(2026, 1, 1), date(2025, 12, 31)),
		(schedule.END_OF_LAST_QUARTER, date(2026, 3, 31), date(2025, 12, 31)),
		(schedule.END_OF_LAST_QUARTER, date(2026, 4, 1), date(2026, 3, 31)),
	],
)
def test_relative_dates(rule: str, day: date, expected: date) -> None:
	assert schedule.relative_date(rule, day, 2) == expected


def test_what_does_not_exist_is_an_error() -> None:
	with pytest.raises(ValueError):
		schedule.next_planned(Rhythm("Fortnightly"), datetime(2026, 1, 1))
	with pytest.raises(ValueError):
		schedule.next_planned(Rhythm(CRON), datetime(2026, 1, 1))
	with pytest.raises(ValueError):
		schedule.relative_date("Tomorrow", date(2026, 1, 1))


@pytest.mark.parametrize(
	"zone", ["America/New_York", "Pacific/Auckland", "Asia/Kolkata", "UTC", "Europe/Berlin"]
)
@pytest.mark.parametrize("at", [time(0, 0), time(1, 30), time(2, 30), time(23, 59)])
def test_400_days_of_local_time_have_each_day_once(zone: str, at: time) -> None:
	"""A clock that ticks every 20 minutes of real time, shown in local time, over both changes of the clock."""
	rhythm = Rhythm(DAILY, at)
	clock = datetime(2027, 10, 1, tzinfo=timezone.utc)
	last = clock.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
	occurrence = next(schedule.occurrences(rhythm, last))
	ran: list[str] = []
	for _tick in range(400 * 24 * 3):
		now = clock.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
		if occurrence.due <= now:
			assert now - occurrence.due < timedelta(hours=2)
			ran.append(occurrence.period)
			occurrence = next(schedule.occurrences(rhythm, occurrence.planned))
		clock += timedelta(minutes=20)
	assert len(ran) == len(set(ran)) >= 398
	days = [date.fromisoformat(period) for period in ran]
	assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
