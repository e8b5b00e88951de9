"""The budget of a channel: how many alerts an hour are sent one by one, and when the rest is told in one summary. Pure.

Alerts beyond the budget are deferred; the summary that names them comes an hour after the first of them. While some are deferred,
later ones join them, so that the order of a story's alerts is kept. Notices, tests and summaries are outside the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW_FOR = timedelta(hours=1)
"""What the budget is counted over."""
SUMMARY_AFTER_FOR = timedelta(minutes=65)
"""The summary comes this long after the first deferred alert was decided: the messages sent before it, which waited up to
`delivery.wait_seconds` themselves, are then older than the window, and the whole budget is free again."""
QUIET_FOR = timedelta(minutes=15)
"""The summary waits until no alert was decided for so long (the default time between two polls), so that what ends just after
the hour is in it, ..."""
SUMMARY_LATEST_FOR = timedelta(minutes=90)
"""... but at most until so long after the first one: all are told within two hours."""
MOST_NAMED = 250
"""Alerts in one summary: Slack refuses messages whose blocks are longer than about 13,000 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A delivery of an alert on a story that was not tried yet."""

    id: int
    created_at: datetime
    is_due: bool = True
    is_deferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetDecision:
    """What becomes of the deliveries that wait, by their ids, and why."""

    alone: tuple[int, ...] = ()
    deferred: tuple[int, ...] = ()
    until_at: datetime | None = None
    """When the summary of the deferred ones is due."""
    summarised: tuple[int, ...] = ()
    reason: str = ""


def decide(waiting: Sequence[Waiting], *, spent: int, limit: int, now: datetime) -> BudgetDecision:
    """Which of these deliveries, oldest first, are sent alone, deferred or told by a summary now.

    `spent` counts the messages of the last hour and those under way. With a limit of 0 all are sent alone.
    """
    due = [each for each in waiting if each.is_due]
    if not limit or not due:
        return BudgetDecision(alone=tuple(each.id for each in due), reason="there is no limit" if due else "")
    first_deferred = min((each.id for each in waiting if each.is_deferred), default=None)
    ahead = [each for each in due if first_deferred is None or each.id < first_deferred]
    alone = tuple(each.id for each in ahead[: max(0, limit - spent)])
    rest = [each for each in waiting if each.id not in alone]
    if not rest:
        return BudgetDecision(alone=alone, reason=f"{spent} of {limit} messages an hour were sent")
    until_at = summary_at(rest, now=now)
    if until_at <= now and not alone:
        return _told(rest, limit)
    return BudgetDecision(
        alone=alone,
        deferred=tuple(each.id for each in rest if each.is_due),
        until_at=max(until_at, now),
        reason=f"the channel had its {limit} messages of an hour: it waits for the summary",
    )


def _told(rest: Sequence[Waiting], limit: int) -> BudgetDecision:
    ids = tuple(each.id for each in rest)
    if len(ids) == 1:
        return BudgetDecision(alone=ids, reason="it is the only one beyond the budget: a summary would say no more")
    return BudgetDecision(summarised=ids, reason=f"they came beyond {limit} messages in an hour")


def summary_at(rest: Sequence[Waiting], *, now: datetime) -> datetime:
    """When the summary of these is due; at once where they were decided long ago, as after an outage of the channel.

    Times in the future were written under a wrong clock and prove nothing.
    """
    times = [each.created_at if each.created_at <= now else now - SUMMARY_AFTER_FOR for each in rest]
    first, last = min(times), max(times)
    return min(max(first + SUMMARY_AFTER_FOR, last + QUIET_FOR), first + SUMMARY_LATEST_FOR)
