"""Due dates of schedules: each period once."""

from datetime import date, datetime, time, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from ar_writeoff.schedules import rules as schedule
from ar_writeoff.schedules.rules import (
	AFTER_PAYMENTS,
	CRON,
	DAILY,
	MONTHLY,
	QUARTER_END,
	WEEKLY,
	Recurrence,
)
from tests.unit.app_files import select_options

SIX = time(6, 0)


def first(
	rhythm: Recurrence, after: datetime, count: int, holidays: frozenset[date] = frozenset()
) -> list[str]:
	found = islice(schedule.occurrences(rhythm, after, holidays), count)
	return [f"{one.period} {one.due:%Y-%m-%d %H:%M}" for one in found]


def test_month_ends_and_leap_day() -> None:
	assert first(Recurrence(MONTHLY, SIX, day=31), datetime(2027, 12, 1), 5) == [
		"2027-12 2027-12-31 06:00",
		"2028-01 2028-01-31 06:00",
		"2028-02 2028-02-29 06:00",
		"2028-03 2028-03-31 06:00",
		"2028-04 2028-04-30 06:00",
	]
	assert first(Recurrence(MONTHLY, SIX, day=29), datetime(2027, 2, 1), 1) == ["2027-02 2027-02-28 06:00"]


def test_quarter_ends() -> None:
	assert first(Recurrence(QUARTER_END, SIX), datetime(2026, 3, 31, 6, 0), 4) == [
		"2026-Q2 2026-06-30 06:00",
		"2026-Q3 2026-09-30 06:00",
		"2026-Q4 2026-12-31 06:00",
		"2027-Q1 2027-03-31 06:00",
	]


def test_weeks_across_the_year() -> None:
	assert first(Recurrence(WEEKLY, SIX, weekday=4), datetime(2026, 12, 24), 3) == [
		"2026-W52 2026-12-25 06:00",
		"2026-W53 2027-01-01 06:00",
		"2027-W01 2027-01-08 06:00",
	]


def test_at_the_very_moment_the_next_one_is_meant() -> None:
	assert first(Recurrence(DAILY, SIX), datetime(2026, 5, 1, 5, 59), 1) == ["2026-05-01 2026-05-01 06:00"]
	assert first(Recurrence(DAILY, SIX), datetime(2026, 5, 1, 6, 0), 1) == ["2026-05-02 2026-05-02 06:00"]


def test_on_the_day_itself_before_its_time() -> None:
	assert first(Recurrence(MONTHLY, SIX, day=1), datetime(2026, 5, 1, 5, 59), 1) == [
		"2026-05 2026-05-01 06:00"
	]
	assert first(Recurrence(MONTHLY, SIX, day=1), datetime(2026, 5, 1, 6, 0), 1) == [
		"2026-06 2026-06-01 06:00"
	]


def test_after_payments_is_due_at_each_full_hour() -> None:
	hourly = Recurrence(AFTER_PAYMENTS)
	found = islice(schedule.occurrences(hourly, datetime(2026, 6, 30, 22, 15, 1, 5)), 3)
	assert [(one.period, one.due) for one in found] == [
		("2026-06-30 23:00", datetime(2026, 6, 30, 23)),
		("2026-07-01 00:00", datetime(2026, 7, 1)),
		("2026-07-01 01:00", datetime(2026, 7, 1, 1)),
	]


def test_cron_is_asked_for() -> None:
	every_six_hours = Recurrence(CRON, next_cron=lambda after: after + timedelta(hours=6))
	assert first(every_six_hours, datetime(2026, 5, 1), 2) == [
		"2026-05-01 06:00 2026-05-01 06:00",
		"2026-05-01 12:00 2026-05-01 12:00",
	]


def test_cron_is_not_asked_for_another_frequency() -> None:
	rhythm = Recurrence(DAILY, SIX, next_cron=lambda after: after + timedelta(hours=1))
	assert first(rhythm, datetime(2026, 5, 1), 1) == ["2026-05-01 2026-05-01 06:00"]


WEEKEND = frozenset({date(2026, 5, 2), date(2026, 5, 3)})


def test_holidays_move_a_monthly_run_and_leave_out_a_daily_one() -> None:
	assert first(Recurrence(MONTHLY, SIX, day=2), datetime(2026, 4, 20), 2, WEEKEND) == [
		"2026-05 2026-05-04 06:00",
		"2026-06 2026-06-02 06:00",
	]
	assert first(Recurrence(DAILY, SIX), datetime(2026, 5, 1, 5, 0), 2, WEEKEND) == [
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
	with pytest.raises(ValueError, match=r"^There is no frequency 'Fortnightly'$"):
		schedule.next_planned(Recurrence("Fortnightly"), datetime(2026, 1, 1))
	with pytest.raises(ValueError, match=r"^There is no frequency 'Cron'$"):
		schedule.next_planned(Recurrence(CRON), datetime(2026, 1, 1))
	with pytest.raises(ValueError, match=r"^There is no rule 'Tomorrow' for dates$"):
		schedule.relative_date("Tomorrow", date(2026, 1, 1))


def test_the_words_are_those_of_the_doctype() -> None:
	assert select_options("Write-Off Schedule", "frequency") == [
		DAILY,
		WEEKLY,
		MONTHLY,
		QUARTER_END,
		CRON,
		AFTER_PAYMENTS,
	]
	assert select_options("Write-Off Schedule", "weekday") == list(schedule.WEEKDAYS)
	rules = [
		schedule.SAME_DAY,
		schedule.DAYS_BEFORE,
		schedule.END_OF_LAST_MONTH,
		schedule.END_OF_LAST_QUARTER,
	]
	assert select_options("Write-Off Schedule", "cutoff_rule") == rules
	assert select_options("Write-Off Schedule", "posting_rule") == rules


def test_a_schedule_is_turned_off_after_three_failures() -> None:
	assert schedule.MAX_FAILURES == 3


def test_a_rhythm_is_at_midnight_on_a_monday_or_the_first_unless_it_says_when() -> None:
	assert Recurrence(DAILY) == Recurrence(DAILY, time(0, 0), 0, 1, None)
	assert first(Recurrence(WEEKLY), datetime(2026, 5, 1), 1) == ["2026-W19 2026-05-04 00:00"]
	assert first(Recurrence(MONTHLY), datetime(2026, 12, 1), 2) == [
		"2027-01 2027-01-01 00:00",
		"2027-02 2027-02-01 00:00",
	]


@pytest.mark.parametrize("month", range(1, 13))
def test_each_month_is_in_its_quarter(month: int) -> None:
	quarter = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3, 10: 4, 11: 4, 12: 4}[month]
	ends = {1: "03-31", 2: "06-30", 3: "09-30", 4: "12-31"}
	[occurrence] = islice(schedule.occurrences(Recurrence(QUARTER_END, SIX), datetime(2026, month, 5)), 1)
	assert (occurrence.period, f"{occurrence.due:%m-%d}") == (f"2026-Q{quarter}", ends[quarter])
	last = schedule.relative_date(schedule.END_OF_LAST_QUARTER, date(2026, month, 5))
	assert last == date.fromisoformat(f"2026-{ends[quarter - 1]}" if quarter > 1 else "2025-12-31")


@pytest.mark.parametrize("month", range(1, 13))
def test_each_month_has_its_run(month: int) -> None:
	"""After the 10th the next occurrence is in the next month."""
	after = datetime(2026, month, 20)
	[occurrence] = islice(schedule.occurrences(Recurrence(MONTHLY, SIX, day=10), after), 1)
	expected = date(2026, month + 1, 10) if month < 12 else date(2027, 1, 10)
	assert (occurrence.period, occurrence.due.date()) == (f"{expected:%Y-%m}", expected)


def test_an_occurrence_tells_when_it_was_planned_and_when_it_is_due() -> None:
	[occurrence] = islice(
		schedule.occurrences(Recurrence(MONTHLY, SIX, day=2), datetime(2026, 4, 20), WEEKEND), 1
	)
	assert occurrence.planned == datetime(2026, 5, 2, 6, 0)
	assert occurrence.due == datetime(2026, 5, 4, 6, 0)


def test_due_at_the_very_time_of_the_next_one_is_left_to_that_one() -> None:
	"""Sunday moves to Monday at six, and Monday's own is at six too."""
	sunday = frozenset({date(2026, 5, 3)})
	assert first(Recurrence(DAILY, SIX), datetime(2026, 5, 2, 12, 0), 2, sunday) == [
		"2026-05-04 2026-05-04 06:00",
		"2026-05-05 2026-05-05 06:00",
	]


def test_a_year_of_holidays_is_a_mistake_and_not_waited_for() -> None:
	start = date(2026, 1, 1)
	holidays = {start + timedelta(days=number) for number in range(1000)}
	assert schedule.working_day(start, holidays) == start + timedelta(days=366)
	assert schedule.working_day(start, set(sorted(holidays)[:5])) == date(2026, 1, 6)


def test_days_before_are_none_unless_given() -> None:
	assert schedule.relative_date(schedule.DAYS_BEFORE, date(2026, 5, 1)) == date(2026, 5, 1)
	assert schedule.relative_date(schedule.DAYS_BEFORE, date(2026, 5, 1), 1) == date(2026, 4, 30)


@pytest.mark.parametrize(
	"zone", ["America/New_York", "Pacific/Auckland", "Asia/Kolkata", "UTC", "Europe/Berlin"]
)
@pytest.mark.parametrize("at", [time(0, 0), time(1, 30), time(2, 30), time(23, 59)])
def test_400_days_of_local_time_have_each_day_once(zone: str, at: time) -> None:
	"""A clock that ticks every 20 minutes of real time, shown in local time, over both changes of the clock."""
	rhythm = Recurrence(DAILY, at)
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
