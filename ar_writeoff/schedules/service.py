"""Schedules: prepare a run for each period, once, and post what is within the schedule's caps if it may.

A period is claimed before anything is done for it: the row of the schedule is locked, a Write-Off Schedule Log
named by schedule and period is inserted, and the next date is set, in one commit. However often the scheduler
fires, and on how many servers, the database keeps a second claim out. A period whose worker died, or that
failed, is tried again when its claim has run out, and finds the run that was already made for it.

The draft is prepared as the user who last changed the schedule and posted as the one who approved it, within
the limits of that user and the caps of the schedule.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
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
from ar_writeoff.schedules import rules as core
from ar_writeoff.schedules.rules import Occurrence, Rhythm
from ar_writeoff.search.service import search_run

PREPARE = "Prepare Draft"
POST = "Post Within Limits"

CAPS = ("max_item_amount", "max_customer_month_amount", "max_run_amount", "max_share")

WORKING = "Working"
PREPARED = "Prepared"
SUBMITTED = "Submitted"
SUBMITTED_IN_PART = "Submitted in Part"
NOTHING_FOUND = "Nothing Found"
FAILED = "Failed"

# A claim outlives the job that holds it; whoever comes later takes the period over.
CLAIM = timedelta(hours=2)
JOB_TIMEOUT = 3600
# After a failure, times the number of attempts.
RETRY_AFTER = timedelta(hours=1)


# When


def rhythm_of(schedule: Any) -> Rhythm:
	return Rhythm(
		frequency=schedule.frequency,
		at=get_time(schedule.time or "00:00:00"),
		weekday=core.WEEKDAYS.index(schedule.weekday or core.WEEKDAYS[0]),
		day=cint(schedule.day_of_month) or 1,
		next_cron=lambda after: croniter(schedule.cron_expression, after).get_next(datetime),
	)


def cron_problem(expression: str | None) -> str | None:
	"""Why this cron expression cannot be used, in words; None when it can."""
	expression = expression or ""
	if len(expression.split()) != 5 or not croniter.is_valid(expression):
		return _("Enter five fields, such as 0 6 1 * * for six o'clock on the first of each month.")
	return None


def holiday_list_of(schedule: Any) -> str | None:
	return schedule.holiday_list or frappe.get_cached_value(
		"Company", schedule.company, "default_holiday_list"
	)


def holidays_of(schedule: Any) -> frozenset[date]:
	"""Days on which the schedule does not run: none, unless it is asked to respect holidays."""
	if not cint(schedule.respect_holidays):
		return frozenset()
	return frozenset(
		getdate(day)
		for day in frappe.get_all(
			"Holiday", filters={"parent": holiday_list_of(schedule)}, pluck="holiday_date", order_by="idx asc"
		)
	)


def occurrences(schedule: Any, after: datetime) -> Iterator[Occurrence]:
	return core.occurrences(rhythm_of(schedule), after, holidays_of(schedule))


def plan_from(schedule: Any, after: datetime) -> dict[str, datetime]:
	"""The fields that say when a schedule runs next, after this moment."""
	occurrence = next(occurrences(schedule, after))
	return {"next_planned_on": occurrence.planned, "next_run_on": occurrence.due}


def dates_on(schedule: Any, day: date) -> tuple[date, date]:
	"""Cutoff date and posting date of a run on this day."""
	return (
		core.relative_date(schedule.cutoff_rule, day, cint(schedule.cutoff_days)),
		core.relative_date(schedule.posting_rule, day, cint(schedule.posting_days)),
	)


# Who and what for


def why_not_approver(schedule: Any, user: str) -> Reason | None:
	"""Why this person cannot approve the terms of a schedule; None when the person can."""
	roles = set(frappe.get_roles(user))
	if not roles & set(limits.submitting_roles()):
		return Reason.of(reasons.MAY_NOT_APPROVE_SCHEDULE)
	second = frappe.db.get_value("Write-Off Settings", schedule.company, "require_second_approver")
	if second and user == schedule.changed_by:
		return Reason.of(reasons.CHANGED_SCHEDULE_LAST, user=user, company=schedule.company)
	return None


def reason_problem(reason: str, balance_type: str) -> Reason | None:
	"""Why a schedule cannot write off for this reason; None when it can."""
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


# The scheduler


def run_due() -> None:
	"""Scheduler event: start a job for every schedule that has something to do."""
	now = now_datetime()
	names = frappe.get_all(
		"Write-Off Schedule",
		filters={"enabled": 1, "next_run_on": ("<=", now)},
		pluck="name",
		order_by="next_run_on asc, name asc",
	)
	left = [log.schedule for log in left_over(now)]
	for name in dict.fromkeys([*names, *left]):
		if workers.runs_inline():
			run_schedule(name)
		else:
			frappe.enqueue(
				"ar_writeoff.schedules.service.run_schedule", queue="long", timeout=JOB_TIMEOUT, schedule=name
			)


def run_schedule(schedule: str) -> None:
	"""Do what is due of this schedule, period by period: also those missed while the scheduler was down."""
	while True:
		log = run_in_transaction(lambda: claim(schedule))
		if not log:
			return
		carry_out(log)


def claim(schedule: str) -> str | None:
	"""Take the next period that is due, in the current transaction: the name of its log, or None."""
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
	left = left_over(now, schedule)
	if left:
		frappe.db.set_value(
			"Write-Off Schedule Log",
			left[0].name,
			{"result": WORKING, "claimed_until": now + CLAIM, "attempts": left[0].attempts + 1},
		)
		return left[0].name
	while doc.next_run_on and get_datetime(doc.next_run_on) <= now:
		planned = get_datetime(doc.next_planned_on)
		occurrence = Occurrence(
			core.period_of(rhythm_of(doc), planned), planned, get_datetime(doc.next_run_on)
		)
		doc.db_set(plan_from(doc, planned), update_modified=False)
		log = claim_period(doc, occurrence, now + CLAIM)
		if log:
			return log
	return None


def left_over(now: datetime, schedule: str | None = None) -> list[Any]:
	"""Periods whose claim has run out before they were done, of one schedule or of all, the oldest first.

	Asked without `frappe.get_all`, for which a period that was given up, and is claimed by nobody, would be one
	whose claim ran out in the year 1.
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
	"""Insert the log of a period; None when the period has one, as after a change of the day of the month."""
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


# One period


def carry_out(log: str) -> None:
	"""Do the work of a claimed period, and write down the result or the failure.

	Others are at work on the same schedule, on its other periods: what is lost to them is done again.
	"""
	try:
		result = retry_lost_transactions(lambda: perform(frappe.get_doc("Write-Off Schedule Log", log)))
		run_in_transaction(lambda: succeeded(log, *result))
	except JobTimeoutException:
		raise
	except Exception as error:
		# Whatever went wrong: it counts, somebody is told, and after some times the schedule is turned off.
		reason = messages.error_reason(error)
		frappe.db.rollback()
		frappe.log_error(title=f"Write-Off Schedule {log}")
		run_in_transaction(lambda: failed(log, reason))


def perform(log: Any) -> tuple[str, Reason | None, str | None, str | None]:
	"""Prepare, and if asked for submit, the run of a period: result, reason, run, and the draft left over."""
	schedule = frappe.get_doc("Write-Off Schedule", log.schedule)
	name = frappe.db.get_value("Write-Off Run", {"schedule_key": log.name})
	if not name:
		with as_user(worker_of(schedule.changed_by or schedule.owner)):
			name = prepare(
				schedule, getdate(log.due_on), {"schedule_period": log.period, "schedule_key": log.name}
			)
		frappe.db.commit()
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
	rest = frappe.db.get_value("Write-Off Run", {"remainder_of": name})
	return (SUBMITTED_IN_PART if rest else SUBMITTED), None, name, rest


def worker_of(user: str) -> str:
	"""The user, who has to be enabled still.

	Raises:
	    frappe.ValidationError: the user is disabled: nobody answers for the schedule any more.
	"""
	if not cint(frappe.db.get_value("User", user, "enabled")):
		messages.throw_reason(Reason.of(reasons.SCHEDULE_USER_DISABLED, user=user))
	return user


def prepare(schedule: Any, day: date, marks: dict[str, Any]) -> str:
	"""A draft run by the terms of the schedule, as the current user, with its items found."""
	problem = reason_problem(schedule.reason, schedule.balance_type)
	if problem:
		messages.throw_reason(problem)
	cutoff_date, posting_date = dates_on(schedule, day)
	run = frappe.new_doc("Write-Off Run")
	run.update(
		{
			"company": schedule.company,
			"balance_type": schedule.balance_type,
			"reason": schedule.reason,
			"cutoff_date": cutoff_date,
			"posting_date": posting_date,
			"customers": [{"customer": row.customer} for row in schedule.customers],
			**{fieldname: schedule.get(fieldname) for fieldname in CRITERIA},
		}
	)
	run.insert()
	gate.lock(run.name)
	frappe.db.set_value(
		"Write-Off Run", run.name, {"schedule": schedule.name, **marks}, update_modified=False
	)
	search_run(run.name)
	return run.name


def submit(schedule: Any, run: Any) -> Reason | None:
	"""Submit the run as who approved the schedule. Where that must not be, why the run stays a draft."""
	if not schedule.approved_by:
		return Reason.of(reasons.SCHEDULE_NOT_APPROVED)
	with as_user(worker_of(schedule.approved_by)):
		problem = why_not_approver(schedule, schedule.approved_by)
		if problem:
			return problem
		gate.enter(run.name, gate.SUBMIT)
		frappe.db.set_value("Write-Off Run", run.name, "by_schedule", 1, update_modified=False)
		run.reload()
		limits.hold_back(run, schedule.approved_by)
		if not frappe.db.exists(
			"Write-Off Run Item", {"run": run.name, "status": states.OPEN, "selected": 1}
		):
			frappe.db.set_value("Write-Off Run", run.name, "by_schedule", 0, update_modified=False)
			return Reason.of(reasons.ALL_OVER_CAPS, user=schedule.approved_by)
		run.submit()
	return None


def try_out(schedule: Any) -> str:
	"""A draft by the terms of the schedule as of today, as the current user; no period is used up."""
	return prepare(schedule, getdate(), {})


# Results


def succeeded(log: str, result: str, reason: Reason | None, run: str | None, rest: str | None) -> None:
	"""Write down what came of a period, and tell those who are to know; of nothing found only the log tells."""
	doc = frappe.get_doc("Write-Off Schedule Log", log)
	doc.db_set(
		{
			"result": result,
			**messages.columns(reason),
			"run": run,
			"remainder": rest,
			"finished_on": now_datetime(),
			"claimed_until": None,
		}
	)
	values = {"last_run_on": now_datetime(), "last_result": result, **last_reason(reason)}
	if result not in (SUBMITTED, SUBMITTED_IN_PART):
		# Whether what was submitted could be posted is known when the run has ended.
		values["failures"] = 0
	if run:
		values["last_run"] = run
	frappe.db.set_value("Write-Off Schedule", doc.schedule, values, update_modified=False)
	if run:
		schedule = frappe.get_doc("Write-Off Schedule", doc.schedule)
		draft = rest or (run if result == PREPARED else None)
		told = {*to_be_told(schedule)}
		if draft:
			told.update(notify.approvers(frappe.get_doc("Write-Off Run", draft)))
		notify.notify_users(
			told,
			lambda _user: _("Schedule {0}, {1}: {2}").format(schedule.name, doc.period, _(result)),
			"Write-Off Run",
			draft or run,
			lambda _user: messages.message(reason) if reason else "",
		)


def failed(log: str, reason: Reason) -> None:
	"""Count a failure; after some in a row turn the schedule off, until somebody has looked."""
	doc = frappe.get_doc("Write-Off Schedule Log", log)
	doc.db_set(
		{
			"result": FAILED,
			**messages.columns(reason),
			"finished_on": now_datetime(),
			"claimed_until": now_datetime() + RETRY_AFTER * max(1, cint(doc.attempts)),
		}
	)
	count_failure(doc.schedule, reason)


def last_reason(reason: Reason | None) -> dict[str, str]:
	"""The fields of a schedule that say what was the matter last."""
	return {f"last_{column}": value for column, value in messages.columns(reason).items()}


def count_failure(schedule: str, reason: Reason) -> None:
	doc = frappe.get_doc("Write-Off Schedule", schedule)
	failures = cint(doc.failures) + 1
	values = {
		"failures": failures,
		"last_result": FAILED,
		**last_reason(reason),
		"last_run_on": now_datetime(),
	}
	off = failures >= core.FAILURES_ALLOWED
	if off:
		values.update({"enabled": 0, "next_run_on": None, "next_planned_on": None})
		frappe.db.set_value(
			"Write-Off Schedule Log", {"schedule": schedule, "result": FAILED}, "claimed_until", None
		)
	frappe.db.set_value("Write-Off Schedule", schedule, values)
	if off:
		doc.add_comment("Info", _("turned off after {0} failures in a row").format(failures))
	notify.notify_users(
		to_be_told(doc),
		lambda _user: (
			_("Schedule {0} is turned off after {1} failures in a row").format(schedule, failures)
			if off
			else _("Schedule {0} failed").format(schedule)
		),
		"Write-Off Schedule",
		schedule,
		lambda _user: messages.message(reason),
	)


def run_ended(run: Any) -> None:
	"""A run that a schedule submitted has ended: one of which nothing could be posted is a failure as well."""
	if run.status == states.FAILED:
		count_failure(run.schedule, Reason.of(reasons.NOTHING_POSTED, run=run.name))
	else:
		frappe.db.set_value("Write-Off Schedule", run.schedule, "failures", 0, update_modified=False)


def to_be_told(schedule: Any) -> set[str]:
	users = {
		schedule.notify_user,
		*notify.users_of_role(schedule.notify_role, schedule.company),
		*notify.notify_role_users(schedule.company),
	}
	return {user for user in users if user} or {schedule.changed_by or schedule.owner}
