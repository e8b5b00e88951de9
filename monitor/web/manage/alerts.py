"""The pages of channels and alerts: state and mend, a test, what waits, is held or given up, every try; send again, drop, pause.

Adding and changing channels is on the pages of `channels`. Whatever is sent takes the outbox: a daemon that has the channel's
secrets sends it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.alerting import channel_test, condition
from monitor.alerting.condition import ServiceState
from monitor.review.alerts import deliveries_of
from monitor.store import alert_lists, channels, nodes, settings, topics
from monitor.store.alert_lists import StoredAlert
from monitor.store.channels import RecipientReport
from monitor.store.db import Database, Session
from monitor.store.figures import deliveries as figures
from monitor.store.figures.deliveries import Latency
from monitor.store.outbox import by_hand, delivery_queue, delivery_states
from monitor.text.tokens import clean_line
from monitor.types.plans import ADDED, FROM_FILE
from monitor.web.manage.channel_forms import KINDS
from monitor.web.pages import LAST_PAGE, PageRequest
from monitor.web.show import page
from monitor.web.status import ChannelLine, channel_line
from monitor.web.tools import PageTools

PAGE_SIZE = 50
STATES = ("pending", "held", "dead", "sent", "summarised", "dropped")
_LEFT = ("pending", "leased", "held", "dead")
_LATENCY_OF = timedelta(days=30)
_WAIT_SECONDS, _LOOK_EVERY_SECONDS = 10.0, 0.25
"""How long the page waits for a test to be sent."""
_MENDS = {
    "failing": "it is tried again by itself; where the address or its secret is wrong, mend it {where}",
    "paused": "resume it, and what waits goes out",
    "disabled": "mend its address or secret {where}, or resume it here and send a test",
    "removed": "add it again to send what is held",
}
_WHERE = {FROM_FILE: "in the settings file and restart the daemon", ADDED: "by “Change”"}
_DONE = {
    "added": "The channel is in force: alerts go there from now on. Send a test to see whether it works.",
    "changed": "The new settings are in force. Send a test to see whether it works.",
    "removed": "Removed, and its secrets are forgotten on this machine. What waited for it is held.",
    "tested": "The test was sent.",
    "queued": "The test waits to be sent: a running daemon that has this channel sends it. Load this page again in a moment.",
    "refused": "The test was not sent; below is why.",
    "paused": "Paused: its alerts wait.",
    "resumed": "Resumed: its alerts go out again. What waited for too long is held, and offered here.",
    "retried": "Due again.",
    "resent": "It is due again on the channels that had it.",
    "dropped": "Dropped: nothing sends it any more.",
    "nothing": "There was nothing to do.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """A channel on the page."""

    line: ChannelLine
    mend: str
    refusal: str
    """What was said of the latest delivery that was tried and is not sent."""
    waiting: int
    held: int
    dead: int
    latency: Latency | None
    in_trouble: tuple[RecipientReport, ...]
    is_paused: bool
    """By a command or page, or disabled."""
    is_on: bool
    """Whether it is in force."""
    is_added: bool
    """By command or page, and can be changed here."""
    has_nobody: bool
    """No running daemon has its file."""
    without_file: tuple[str, ...]
    """Running daemons that have not its file, and send nothing by it."""


class AlertPages:
    """Channels and alerts by page."""

    def __init__(self, db: Database, clock: Callable[[], datetime], tools: PageTools) -> None:
        self.db, self.clock = db, clock
        self._max_age_for, self._speed = tools.held_after_for, tools.speed

    # --- channels -----------------------------------------------------------------------------------------------------

    def channels(self, asked: PageRequest) -> Response:
        """All channels, with state, mend, what waits and how long alerts take."""
        now = self.clock()
        with self.db.reading() as session:
            rows = _channel_rows(session, now, self._speed)
            total = sum(delivery_states.states(session).values())
        kinds = [(name, each.title) for name, each in KINDS.items()]
        return page("channels.html", asked=asked, now=now, rows=rows, total=total, kinds=kinds, said=_said(asked.query))

    async def test(self, asked: PageRequest) -> Response:
        """Send a test through a channel, and wait a little for what becomes of it."""
        alert_id = await self.db.write(_enqueue_test, asked.name, self.clock())
        loop = asyncio.get_running_loop()
        until = loop.time() + _WAIT_SECONDS
        state, detail = await self.db.read(by_hand.outcome_of, alert_id)
        while state in ("pending", "leased") and not detail and loop.time() < until:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            state, detail = await self.db.read(by_hand.outcome_of, alert_id)
        done = "tested" if state == "sent" else "refused" if detail else "queued"
        return RedirectResponse(f"/alert/{alert_id}?done={done}#said", 303)

    def pause(self, asked: PageRequest) -> Response:
        """Let the channel's alerts wait."""
        with self.db.writing() as session:
            _check_channel(session, asked.name)
            settings.pause_channel(session, asked.name)
        return _to_channels("paused")

    def resume(self, asked: PageRequest) -> Response:
        """Send the channel's alerts again."""
        with self.db.writing() as session:
            _check_channel(session, asked.name)
            settings.resume_channel(session, asked.name)
            delivery_queue.hold_overdue(session, asked.name, now=self.clock(), max_age_for=self._max_age_for)
        return _to_channels("resumed")

    def retry_channel(self, asked: PageRequest) -> Response:
        """Queue what is held, given up or refused on a channel."""
        with self.db.writing() as session:
            to = _check_channel(session, asked.name)
            count = by_hand.retry(session, now=self.clock(), destinations={asked.name: to})
        return _to_channels("retried" if count else "nothing")

    # --- alerts -------------------------------------------------------------------------------------------------------

    def alerts(self, asked: PageRequest) -> Response:
        """Alerts, newest first, by state and channel of their deliveries and by topic."""
        query = asked.query
        state = query.get("state", "") if query.get("state") in STATES else ""
        topic, channel = (clean_line(query.get(name, ""), limit=200) for name in ("topic", "channel"))
        number = _number(query)
        with self.db.reading() as session:
            found = alert_lists.latest(
                session,
                state=state,
                topic=topic,
                channel=channel,
                limit=PAGE_SIZE + 1,
                offset=(number - 1) * PAGE_SIZE,
            )
            deliveries = alert_lists.deliveries_of(session, [each.id for each in found])
            counts = delivery_states.states(session)
            names = [each.name for each in channels.reports(session)]
            titles = topics.titles(session)
        kept = {"state": state, "topic": topic, "channel": channel}
        return page(
            "alerts.html",
            asked=asked,
            now=self.clock(),
            alerts=found[:PAGE_SIZE],
            deliveries=deliveries,
            counts={name: counts.get(name, 0) for name in STATES},
            state=state,
            channel=channel,
            channels=names,
            topic=topic,
            titles=titles,
            number=number,
            has_more=len(found) > PAGE_SIZE,
            address=lambda **changed: "/alerts?" + urlencode({k: v for k, v in (kept | changed).items() if v}),
        )

    def alert(self, asked: PageRequest) -> Response:
        """One alert: what it says, why it was told, every try, and how long it took."""
        with self.db.reading() as session:
            found = _found(session, asked.name)
            deliveries, titles = deliveries_of(session, found.id), topics.titles(session)
        states = {each["state"] for each in deliveries}
        article = found.payload.get("article") or {}
        return page(
            "alert.html",
            asked=asked,
            now=self.clock(),
            alert=found,
            titles=titles,
            body=str(found.payload.get("body") or ""),
            url=str(article.get("url") or ""),
            entries=found.payload.get("entries") or [],
            deliveries=deliveries,
            took=_took(found, deliveries),
            may_retry=bool(states & {"held", "dead", "pending"}),
            may_resend=bool(states & {"sent", "held", "dead"}),
            may_drop=bool(states & {"pending", "held", "dead"}),
            said=_said(asked.query),
        )

    def retry(self, asked: PageRequest) -> Response:
        """Queue what of an alert is held, given up, refused or missed."""
        with self.db.writing() as session:
            found = _found(session, asked.name)
            # one that a summary tells is sent by that summary
            ids = [found.id, *by_hand.summaries_of(session, found.id)]
            known = channels.destinations(session)
            stuck = {name for each in ids for name in by_hand.stuck_channels(session, each)}
            wanted = {name: to for name, to in known.items() if name in stuck}
            count = sum(by_hand.retry(session, now=self.clock(), destinations=wanted, alert_id=each) for each in ids)
        return _to_alert(found.id, "retried" if count else "nothing")

    def resend(self, asked: PageRequest) -> Response:
        """Send an alert again to the channels that had it."""
        with self.db.writing() as session:
            found = _found(session, asked.name)
            known = channels.destinations(session)
            queued = by_hand.resend(session, found.id, now=self.clock(), destinations=known)
        return _to_alert(found.id, "resent" if queued else "nothing")

    def drop(self, asked: PageRequest) -> Response:
        """Let nothing send what of an alert waits, is held or was given up."""
        with self.db.writing() as session:
            found = _found(session, asked.name)
            count = by_hand.drop(session, now=self.clock(), alert_id=found.id)
        return _to_alert(found.id, "dropped" if count else "nothing")


def _channel_rows(session: Session, now: datetime, speed: float) -> list[ChannelRow]:
    """Channels that were removed are listed as long as there is something left to send."""
    counts, refusals = delivery_states.states_by_channel(session), figures.last_refusals(session)
    troubled = channels.recipient_reports(session)
    living = condition.alive(ServiceState(nodes=nodes.reports(session)), now=now, speed=speed)
    found = []
    for report in channels.reports(session):
        of_channel = counts.get(report.name, {})
        if not (report.is_configured or any(of_channel.get(each) for each in _LEFT)):
            continue
        line = channel_line(report, of_channel, now)
        without_file = condition.without_file(report, living)
        found.append(
            ChannelRow(
                line=line,
                mend=_MENDS.get(line.state, "").format(where=_WHERE.get(report.origin, "")),
                refusal=refusals.get(report.name, "") if line.state != "ok" else "",
                waiting=of_channel.get("pending", 0) + of_channel.get("leased", 0),
                held=of_channel.get("held", 0),
                dead=of_channel.get("dead", 0),
                latency=figures.latency(session, report.name, since_at=now - _LATENCY_OF),
                in_trouble=tuple(each for each in troubled if each.channel == report.name),
                is_paused=bool(report.by_hand or report.disabled_reason),
                is_on=report.is_configured,
                is_added=report.is_configured and report.origin == ADDED,
                has_nobody=bool(without_file) and len(without_file) == sum(each.is_delivering for each in living),
                without_file=without_file,
            )
        )
    return found


def _enqueue_test(session: Session, name: str, now: datetime) -> str:
    return channel_test.enqueue(session, name, _check_channel(session, name), now=now)


def _check_channel(session: Session, name: str) -> str:
    """The destination of a channel in force."""
    to = channels.destinations(session).get(name)
    if to is None:
        raise HTTPException(404, "There is no channel of that name in force. Nothing was changed.")
    return to


def _found(session: Session, alert_id: str) -> StoredAlert:
    found = next((each for each in alert_lists.with_id_prefix(session, alert_id) if each.id == alert_id), None)
    if found is None:
        raise HTTPException(404, "There is no alert of that id.")
    return found


def _took(alert: StoredAlert, deliveries: tuple[dict[str, object], ...]) -> dict[str, timedelta]:
    """By channel, how long from the decision until the channel took it."""
    sent = ((str(each["channel"]), each["sent_at"]) for each in deliveries)
    return {name: at - alert.created_at for name, at in sent if isinstance(at, datetime)}


def _number(query: Mapping[str, str]) -> int:
    asked_for = query.get("page", "1")
    return min(max(1, int(asked_for)), LAST_PAGE) if re.fullmatch("[0-9]{1,6}", asked_for) else 1


def _said(query: Mapping[str, str]) -> str:
    return _DONE.get(query.get("done", ""), "")


def _to_channels(done: str) -> Response:
    return RedirectResponse(f"/channels?done={done}#said", 303)


def _to_alert(alert_id: str, done: str) -> Response:
    return RedirectResponse(f"/alert/{alert_id}?done={done}#said", 303)
