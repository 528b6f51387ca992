"""Schedules: prepare a run for each period once, and post what is within the schedule's caps if allowed.

A period is claimed first: in one commit the row of the schedule is locked, a Write-Off Schedule Log named by schedule
and period is inserted, and the next date is set. However often the scheduler fires, and on how many servers, the
database prevents a second claim. A period whose worker died or that failed is processed again when its claim has
expired, and finds the run already made for it.

The draft is prepared as the user who last changed the schedule and posted as the user who approved it, within that
user's limits and the caps of the schedule.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import frappe
from croniter import croniter
from frappe import _
from frappe.utils import cint, get_datetime, get_time, getdate, now_datetime
from rq.timeouts import JobTimeoutException

from ar_writeoff.approval import limits
from ar_writeoff.approval import notifications as notify
from ar_writeoff.core import reasons
from ar_writeoff.core import status as states
from ar_writeoff.core.criteria import CRITERIA
from ar_writeoff.core.reasons import Reason
from ar_writeoff.ledger import messages
from ar_writeoff.ledger.transactions import retry_lost_transactions, run_in_transaction
from ar_writeoff.run import gate
from ar_writeoff.run import worker as workers
from ar_writeoff.run.status import as_user
from ar_writeoff.run.terms import table_rows
from ar_writeoff.schedules import rules as core
from ar_writeoff.schedules.rules import Occurrence, Recurrence
from ar_writeoff.search.add_invoices import add_invoices
from ar_writeoff.search.service import search_run
from ar_writeoff.search.small_differences import open_rests

POST = "Post Within Limits"

CAPS = ("max_item_amount", "max_customer_month_amount", "max_run_amount", "max_share")

WORKING = "Working"
PREPARED = "Prepared"
SUBMITTED = "Submitted"
SUBMITTED_IN_PART = "Submitted in Part"
NOTHING_FOUND = "Nothing Found"
FAILED = "Failed"

# Longer than the job timeout; then another job may claim the period again.
CLAIM_DURATION = timedelta(hours=2)
JOB_TIMEOUT = 3600
# Multiplied by the number of attempts.
RETRY_DELAY = timedelta(hours=1)
# A payment that was being submitted when a schedule last ran.
PAYMENTS_IN_PROGRESS = timedelta(minutes=10)


# Dates


def recurrence_of(schedule: Any) -> Recurrence:
	return Recurrence(
		frequency=schedule.frequency,
		at=get_time(schedule.time or "00:00:00"),
		weekday=core.WEEKDAYS.index(schedule.weekday or core.WEEKDAYS[0]),
		day=cint(schedule.day_of_month) or 1,
		next_cron=lambda after: croniter(schedule.cron_expression, after).get_next(datetime),
	)


def cron_problem(expression: str | None) -> str | None:
	"""Message why this cron expression is invalid; None if it is valid."""
	expression = expression or ""
	if len(expression.split()) != 5 or not croniter.is_valid(expression):
		return _("Enter five fields, such as 0 6 1 * * for 06:00 on the first day of each month.")
	return None


def holiday_list_of(schedule: Any) -> str | None:
	return schedule.holiday_list or frappe.get_cached_value(
		"Company", schedule.company, "default_holiday_list"
	)


def holidays_of(schedule: Any) -> frozenset[date]:
	"""Holidays of the schedule; none unless it respects holidays."""
	if not cint(schedule.respect_holidays):
		return frozenset()
	return frozenset(
		getdate(day)
		for day in frappe.get_all(
			"Holiday", filters={"parent": holiday_list_of(schedule)}, pluck="holiday_date", order_by="idx asc"
		)
	)


def occurrences(schedule: Any, after: datetime) -> Iterator[Occurrence]:
	return core.occurrences(recurrence_of(schedule), after, holidays_of(schedule))


def next_run_values(schedule: Any, after: datetime) -> dict[str, datetime]:
	"""Values of the schedule's next run after this moment."""
	occurrence = next(occurrences(schedule, after))
	return {"next_planned_on": occurrence.planned, "next_run_on": occurrence.due}


def run_dates(schedule: Any, day: date) -> tuple[date, date]:
	"""Cutoff date and posting date of a run on this day."""
	return (
		core.relative_date(schedule.cutoff_rule, day, cint(schedule.cutoff_days)),
		core.relative_date(schedule.posting_rule, day, cint(schedule.posting_days)),
	)


# Approver and reason


def approver_blocker(schedule: Any, user: str) -> Reason | None:
	"""Reason why this user cannot approve a schedule; None if the user can."""
	roles = set(frappe.get_roles(user))
	if not roles & set(limits.submitting_roles()):
		return Reason.of(reasons.MAY_NOT_APPROVE_SCHEDULE)
	second = frappe.db.get_value("Write-Off Settings", schedule.company, "require_second_approver")
	if second and user == schedule.changed_by:
		return Reason.of(reasons.CHANGED_SCHEDULE_LAST, user=user, company=schedule.company)
	return None


def reason_problem(reason: str, balance_type: str) -> Reason | None:
	"""Why a schedule cannot use this write-off reason; None if it can."""
	details = frappe.db.get_value(
		"Write-Off Reason", reason, ["use_in_schedules", "disabled", "applies_to"], as_dict=True
	)
	if not details or details.disabled:
		return Reason.of(reasons.REASON_DISABLED, reason=reason)
	if not details.use_in_schedules:
		return Reason.of(reasons.REASON_NOT_FOR_SCHEDULES, reason=reason)
	if details.applies_to not in ("Both", balance_type):
		return Reason.of(reasons.REASON_FOR_OTHER_SIDE, reason=reason, side=details.applies_to)
	return None


# After Payments


def rests_of(schedule: Any) -> list[str]:
	"""The invoices on which payments have left an amount within the maximum, or in a currency with a threshold, since the
	schedule last ran.

	Not those in an open draft of the schedule. Without a payment since, this is one query.
	"""
	since = last_start(schedule) - PAYMENTS_IN_PROGRESS
	largest = Decimal(str(schedule.max_invoice_amount))
	currencies = [row.currency for row in schedule.thresholds]
	names = open_rests(schedule.company, since, largest, currencies)
	if not names:
		return []
	item, run = frappe.qb.DocType("Write-Off Run Item"), frappe.qb.DocType("Write-Off Run")
	present = set(
		frappe.qb.from_(item)
		.inner_join(run)
		.on(run.name == item.run)
		.select(item.voucher_no)
		.where((run.schedule == schedule.name) & (run.docstatus == 0) & item.voucher_no.isin(names))
		.run(pluck=True)
	)
	return [name for name in names if name not in present]


def last_start(schedule: Any) -> datetime:
	"""When the schedule last ran without a failure; if it never has, when it was created."""
	started = frappe.get_all(
		"Write-Off Schedule Log",
		filters={"schedule": schedule.name, "result": ("not in", (WORKING, FAILED))},
		pluck="started_on",
		order_by="started_on desc",
		limit=1,
	)
	return get_datetime(started[0] if started else schedule.creation)


# Scheduler


def run_due() -> None:
	"""Scheduler event: enqueue a job for every schedule with a due or expired period."""
	now = now_datetime()
	names = frappe.get_all(
		"Write-Off Schedule",
		filters={"enabled": 1, "next_run_on": ("<=", now)},
		pluck="name",
		order_by="next_run_on asc, name asc",
	)
	expired = [log.schedule for log in expired_claims(now)]
	for name in dict.fromkeys([*names, *expired]):
		if workers.runs_inline():
			run_schedule(name)
		else:
			frappe.enqueue(
				"ar_writeoff.schedules.service.run_schedule", queue="long", timeout=JOB_TIMEOUT, schedule=name
			)


def run_schedule(schedule: str) -> None:
	"""Process all due periods of this schedule, including those missed while the scheduler was down."""
	while True:
		log = run_in_transaction(lambda: claim(schedule))
		if not log:
			return
		process_claim(log)


def claim(schedule: str) -> str | None:
	"""Claim the next due period in the current transaction; returns the name of its log, or None."""
	row = frappe.qb.DocType("Write-Off Schedule")
	locked = (
		frappe.qb.from_(row)
		.select(row.name)
		.where((row.name == schedule) & (row.enabled == 1))
		.for_update(skip_locked=True)
		.run()
	)
	if not locked:
		return None
	doc = frappe.get_doc("Write-Off Schedule", schedule)
	now = now_datetime()
	expired = expired_claims(now, schedule)
	if expired:
		frappe.db.set_value(
			"Write-Off Schedule Log",
			expired[0].name,
			{"result": WORKING, "claimed_until": now + CLAIM_DURATION, "attempts": expired[0].attempts + 1},
		)
		return expired[0].name
	while doc.next_run_on and get_datetime(doc.next_run_on) <= now:
		planned = get_datetime(doc.next_planned_on)
		occurrence = Occurrence(
			core.period_name(recurrence_of(doc), planned), planned, get_datetime(doc.next_run_on)
		)
		doc.db_set(next_run_values(doc, planned), update_modified=False)
		if doc.frequency == core.AFTER_PAYMENTS:
			# Missed hours are one period: what was left since the last run is taken up at once.
			doc.db_set(next_run_values(doc, now), update_modified=False)
			if not rests_of(doc):
				return None
		log = claim_period(doc, occurrence, now + CLAIM_DURATION)
		if log:
			return log
	return None


def expired_claims(now: datetime, schedule: str | None = None) -> list[Any]:
	"""Logs of unfinished periods whose claim has expired, of one schedule or all, oldest first.

	Not with `frappe.get_all`, which reads an empty `claimed_until` as the year 1: periods that were given up would be
	returned.
	"""
	log = frappe.qb.DocType("Write-Off Schedule Log")
	query = (
		frappe.qb.from_(log)
		.select(log.name, log.schedule, log.attempts)
		.where(log.result.isin([WORKING, FAILED]) & (log.claimed_until <= now))
		.orderby(log.planned_on)
		.orderby(log.name)
	)
	if schedule:
		query = query.where(log.schedule == schedule)
	return query.run(as_dict=True)


def claim_period(schedule: Any, occurrence: Occurrence, until: datetime) -> str | None:
	"""Insert the log of a period; None if the period has one, for example after a change of the day of the month."""
	name = f"{schedule.name}: {occurrence.period}"
	done = {"schedule": schedule.name, "period": occurrence.period}
	if frappe.db.exists("Write-Off Schedule Log", name) or frappe.db.exists("Write-Off Schedule Log", done):
		return None
	log = frappe.new_doc("Write-Off Schedule Log")
	log.update(
		{
			"schedule": schedule.name,
			"company": schedule.company,
			"period": occurrence.period,
			"planned_on": occurrence.planned,
			"due_on": occurrence.due,
			"started_on": now_datetime(),
			"result": WORKING,
			"attempts": 1,
			"claimed_until": until,
		}
	)
	log.insert(ignore_permissions=True, set_name=name)
	return log.name


# Periods


def process_claim(log: str) -> None:
	"""Process a claimed period and record its result or failure.

	Other jobs may work on other periods of the schedule, so a lost transaction is tried again.
	"""
	try:
		result = retry_lost_transactions(
			lambda: process_period(frappe.get_doc("Write-Off Schedule Log", log))
		)
		run_in_transaction(lambda: record_success(log, *result))
	except JobTimeoutException:
		raise
	except Exception as error:
		# Any error counts as a failure, so that users are notified and the schedule is disabled after some.
		reason = messages.error_reason(error)
		frappe.db.rollback()
		frappe.log_error(title=f"Write-Off Schedule {log}")
		run_in_transaction(lambda: record_failure(log, reason))


def process_period(log: Any) -> tuple[str, Reason | None, str | None, str | None]:
	"""Prepare the run of a period and, if configured, submit it. Returns result, reason, run, and the remaining
	draft."""
	schedule = frappe.get_doc("Write-Off Schedule", log.schedule)
	name = frappe.db.get_value("Write-Off Run", {"schedule_key": log.name})
	if not name:
		with as_user(enabled_user(schedule.changed_by or schedule.owner)):
			name = prepare(
				schedule, getdate(log.due_on), {"schedule_period": log.period, "schedule_key": log.name}
			)
		# The draft stays if the submission fails.
		frappe.db.commit()  # nosemgrep: frappe-manual-commit
	run = frappe.get_doc("Write-Off Run", name)
	if run.docstatus == 0:
		if not run.selected_count and not run.held_count:
			frappe.delete_doc("Write-Off Run", name, ignore_permissions=True)
			return NOTHING_FOUND, Reason.of(reasons.ALL_EXCLUDED, count=run.excluded_count), None, None
		if schedule.action != POST:
			return PREPARED, None, name, None
		problem = submit(schedule, run)
		if problem:
			return PREPARED, problem, name, None
	remainder = frappe.db.get_value("Write-Off Run", {"remainder_of": name})
	return (SUBMITTED_IN_PART if remainder else SUBMITTED), None, name, remainder


def enabled_user(user: str) -> str:
	"""The user, who must be enabled.

	Raises:
	    frappe.ValidationError: the user is disabled.
	"""
	if not cint(frappe.db.get_value("User", user, "enabled")):
		messages.throw_reason(Reason.of(reasons.SCHEDULE_USER_DISABLED, user=user))
	return user


def prepare(schedule: Any, day: date, schedule_fields: dict[str, Any]) -> str:
	"""Create a draft run with the terms of the schedule, as the current user, and search its items."""
	problem = reason_problem(schedule.reason, schedule.balance_type)
	if problem:
		messages.throw_reason(problem)
	cutoff_date, posting_date = run_dates(schedule, day)
	run = frappe.new_doc("Write-Off Run")
	run.update(
		{
			"company": schedule.company,
			"balance_type": schedule.balance_type,
			"reason": schedule.reason,
			"cutoff_date": cutoff_date,
			"posting_date": posting_date,
			**{fieldname: schedule.get(fieldname) for fieldname in CRITERIA},
			**table_rows(schedule),
		}
	)
	run.insert()
	gate.lock(run.name)
	frappe.db.set_value(
		"Write-Off Run", run.name, {"schedule": schedule.name, **schedule_fields}, update_modified=False
	)
	if schedule.frequency == core.AFTER_PAYMENTS:
		add_invoices(frappe.get_doc("Write-Off Run", run.name), rests_of(schedule))
	else:
		search_run(run.name)
	return run.name


def submit(schedule: Any, run: Any) -> Reason | None:
	"""Submit the run as the approver of the schedule. Returns the reason if it stays a draft."""
	if not schedule.approved_by:
		return Reason.of(reasons.SCHEDULE_NOT_APPROVED)
	with as_user(enabled_user(schedule.approved_by)):
		problem = approver_blocker(schedule, schedule.approved_by)
		if problem:
			return problem
		gate.enter(run.name, gate.SUBMIT)
		frappe.db.set_value("Write-Off Run", run.name, "by_schedule", 1, update_modified=False)
		run.reload()
		limits.mark_pending(run, schedule.approved_by)
		if not frappe.db.exists(
			"Write-Off Run Item", {"run": run.name, "status": states.OPEN, "selected": 1}
		):
			frappe.db.set_value("Write-Off Run", run.name, "by_schedule", 0, update_modified=False)
			return Reason.of(reasons.ALL_OVER_CAPS, user=schedule.approved_by)
		run.submit()
	return None


def create_trial_draft(schedule: Any) -> str:
	"""Create a draft with the terms of the schedule as of today, as the current user, without claiming a period."""
	return prepare(schedule, getdate(), {})


# Results


def record_success(
	log: str, result: str, reason: Reason | None, run: str | None, remainder: str | None
) -> None:
	"""Record the result of a period and notify users if there is a run."""
	doc = frappe.get_doc("Write-Off Schedule Log", log)
	doc.db_set(
		{
			"result": result,
			**messages.columns(reason),
			"run": run,
			"remainder": remainder,
			"finished_on": now_datetime(),
			"claimed_until": None,
		}
	)
	values = {"last_run_on": now_datetime(), "last_result": result, **last_reason_values(reason)}
	if result not in (SUBMITTED, SUBMITTED_IN_PART):
		# Whether a submitted run could be posted is known when it has ended.
		values["failures"] = 0
	if run:
		values["last_run"] = run
	frappe.db.set_value("Write-Off Schedule", doc.schedule, values, update_modified=False)
	if run:
		schedule = frappe.get_doc("Write-Off Schedule", doc.schedule)
		draft = remainder or (run if result == PREPARED else None)
		users = {*recipients(schedule)}
		if draft:
			users.update(notify.approvers(frappe.get_doc("Write-Off Run", draft)))
		notify.notify_users(
			users,
			lambda _user: _("Schedule {0}, {1}: {2}").format(schedule.name, doc.period, _(result)),
			"Write-Off Run",
			draft or run,
			lambda _user: messages.message(reason) if reason else "",
		)


def record_failure(log: str, reason: Reason) -> None:
	"""Record the failure of a period, and disable the schedule after several in a row."""
	doc = frappe.get_doc("Write-Off Schedule Log", log)
	doc.db_set(
		{
			"result": FAILED,
			**messages.columns(reason),
			"finished_on": now_datetime(),
			"claimed_until": now_datetime() + RETRY_DELAY * max(1, cint(doc.attempts)),
		}
	)
	count_failure(doc.schedule, reason)


def last_reason_values(reason: Reason | None) -> dict[str, str]:
	"""Values of the schedule's fields for the last reason."""
	return {f"last_{column}": value for column, value in messages.columns(reason).items()}


def count_failure(schedule: str, reason: Reason) -> None:
	doc = frappe.get_doc("Write-Off Schedule", schedule)
	failures = cint(doc.failures) + 1
	values = {
		"failures": failures,
		"last_result": FAILED,
		**last_reason_values(reason),
		"last_run_on": now_datetime(),
	}
	is_disabled = failures >= core.MAX_FAILURES
	if is_disabled:
		values.update({"enabled": 0, "next_run_on": None, "next_planned_on": None})
		frappe.db.set_value(
			"Write-Off Schedule Log", {"schedule": schedule, "result": FAILED}, "claimed_until", None
		)
	frappe.db.set_value("Write-Off Schedule", schedule, values)
	if is_disabled:
		doc.add_comment("Info", _("turned off after {0} consecutive failures").format(failures))
	notify.notify_users(
		recipients(doc),
		lambda _user: (
			_("Schedule {0} is turned off after {1} consecutive failures").format(schedule, failures)
			if is_disabled
			else _("Schedule {0} failed").format(schedule)
		),
		"Write-Off Schedule",
		schedule,
		lambda _user: messages.message(reason),
	)


def record_run_result(run: Any) -> None:
	"""Count a run of the schedule that has ended as a failure if nothing could be posted."""
	if run.status == states.FAILED:
		count_failure(run.schedule, Reason.of(reasons.NOTHING_POSTED, run=run.name))
	else:
		frappe.db.set_value("Write-Off Schedule", run.schedule, "failures", 0, update_modified=False)


def recipients(schedule: Any) -> set[str]:
	users = {
		schedule.notify_user,
		*notify.users_of_role(schedule.notify_role, schedule.company),
		*notify.notify_role_users(schedule.company),
	}
	return {user for user in users if user} or {schedule.changed_by or schedule.owner}
