"""`monitor status`: whether the service does what it is for, and what goes on, on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from monitor.alerting.condition import ServiceState
    from monitor.config.settings import Settings
    from monitor.store.db import Database, Session
    from monitor.store.nodes import NodeReport
    from monitor.types.condition import Problem


def status(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """Show in brief whether all is well, and who polls and delivers.

    The same problems as `monitor doctor`, the status page and /healthz. Exits with 1 where something fails, as where no
    daemon is running or feeds are late.

    \b
    Examples:
      monitor status
      monitor status --json | jq .state
    """
    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db:
        brief = _Brief(db, cli.settings, cli.now())
    if as_json:
        base.print_json(brief.as_dict())
    else:
        for each in brief.lines():
            base.line(each)
    if brief.state == "fail":
        raise typer.Exit(base.Code.FAILED)


class _Brief:
    """What the store shows at `now`."""

    def __init__(self, db: Database, settings: Settings, now: datetime) -> None:
        from monitor.alerting import condition
        from monitor.service import observer
        from monitor.store.feeds import feed_reports
        from monitor.store.outbox import delivery_states
        from monitor.types.condition import worst_first

        with db.reading() as session:
            self._seen: ServiceState = observer.read(session, path=db.path)
            self._feeds = [each for each in feed_reports.of_all(session) if each.is_enabled]
            self._outbox = {state: count for state, count in delivery_states.states(session).items() if count}
            remarks = tuple(_seeds_problems(session, settings, now)) if db.is_sqlite else ()
        speed = settings.clock.speed
        found = condition.problems(self._seen, now=now, speed=speed)
        self._problems: tuple[Problem, ...] = worst_first((*found, *remarks))
        self._living: tuple[NodeReport, ...] = condition.alive(self._seen, now=now, speed=speed)
        self._now = now

    @property
    def state(self) -> str:
        """ok, warn or fail: that of the worst problem."""
        return self._problems[0].severity.value if self._problems else "ok"

    def as_dict(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "state": self.state,
            "at": self._now,
            "problems": [asdict(each) for each in self._problems],
            "nodes": [{**asdict(each), "is_alive": each in self._living} for each in self._seen.nodes],
            "feeds": {
                "polled": len(self._seen.due_times),
                "failing": sum(each.failures > 0 for each in self._feeds),
                "paused": sum(each.paused_reason is not None for each in self._feeds),
                "last_polled_at": self._seen.last_polled_at,
            },
            "topics": self._seen.topics,
            "channels": [asdict(each) for each in self._seen.channels if each.is_configured],
            "outbox": self._outbox,
        }

    def lines(self) -> Iterator[str]:
        """The same for people."""
        from monitor.types.condition import in_brief

        yield in_brief(self._problems) or "all is well"
        for each in self._problems:
            mend = f" -> {each.mend}" if each.mend else ""
            yield f"{each.severity.value:<5} {each.about}: {each.says}{mend}"
        yield ""
        yield from (f"{name:<10}{says}" for name, says in self._facts())

    def _facts(self) -> Iterator[tuple[str, str]]:
        for node in self._living or self._seen.nodes:
            yield "daemon", _node(node, self._now)
        from monitor.text.tokens import some_of

        failing = [each.name for each in self._feeds if each.failures]
        says = f"{len(self._seen.due_times)} polled, the last at {base.when(self._seen.last_polled_at) or '(never)'}"
        yield "feeds", says + (f"; {len(failing)} failing: {some_of(failing)}" if failing else "")
        yield "topics", str(self._seen.topics)
        yield "channels", ", ".join(each.name for each in self._seen.channels if each.is_configured) or "none"
        yield "outbox", ", ".join(f"{count} {state}" for state, count in sorted(self._outbox.items())) or "empty"


def _seeds_problems(session: Session, settings: Settings, now: datetime) -> Iterator[Problem]:
    """What the daemon says of the seeds folder: what is away or broken in it, and what is in force all the same."""
    from monitor.service import topic_keeper
    from monitor.store import topics
    from monitor.topics import seeds
    from monitor.types.condition import Code, warning

    read, stored = seeds.load(settings.seeds.dir), topics.stored(session)
    decision = topic_keeper.decide(session, read, stored, is_shared=False, now=now)
    yield from (warning(Code.SEEDS, "topics", each.text, "") for each in decision.remarks)


def _node(node: NodeReport, now: datetime) -> str:
    doing = {"polls": node.is_polling, "delivers": node.is_delivering, "serves the page": node.has_page}
    ended = f", stopped at {base.when(node.stopped_at)}" if node.stopped_at else ""
    ago = max(0, round((now - node.heartbeat_at).total_seconds()))
    return (
        f"{node.name}: {', '.join(name for name, does in doing.items() if does)}; since {base.when(node.started_at)}, "
        f"last sign of life {base.when(node.heartbeat_at)}{f' ({ago} s ago)' if ago < 3600 else ''}{ended}"
    )
