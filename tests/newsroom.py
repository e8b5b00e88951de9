"""A whole service for a test, its clock in the test's hand: real store, real fetcher, real workers; the far side is faked.

with Newsroom(tmp_path, clock) as room:
    room.follows("bridge", BRIDGE_STORY)
    room.reads("herald", site.url("/feed"))
    room.tells("desk", sink.url)
    site.publishes("/feed", rss(...))
    room.polls()                       # every feed that is due, to the end
    clock.passes(minutes=20)
    room.polls(); room.delivers()
    assert room.reasons() == {"Title": "ALERTED"}
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlmodel import Session, col, select

from monitor.alerting.deliver import Deliverer
from monitor.config.settings import Settings
from monitor.polling.pipeline import Polled
from monitor.polling.poll import Poller
from monitor.polling.reassessing.reassess import Reassessed, reassess_due
from monitor.review.matches import MatchQuery, list_matches
from monitor.service.app import App
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow, DecisionRow
from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.feeds import FeedRow
from tests.conftest import SetClock
from tests.fakes.patience import PATIENCE
from tests.fakes.stores import lay_out


class Newsroom:
    """An App with rounds made by hand. Settings may be given as nested dicts, the rest are the defaults, on loopback."""

    def __init__(self, folder: Path, clock: SetClock, *, store_url: str | None = None, **settings: Any) -> None:
        self.folder, self.clock = folder, clock
        self._seeds = folder / "seeds"
        self._seeds.mkdir(exist_ok=True)
        self._raw: dict[str, Any] = {
            "store": {"url": store_url or f"sqlite:///{folder / 'monitor.db'}"},
            "seeds": {"dir": str(self._seeds)},
            "delivery": {"rate_per_second": 1000, "wait_seconds": 0, "allow_networks": ["127.0.0.0/8"]},
            "fetch": {"pages": "never"},  # links of most tests' items lead to hosts that are not there
            "workers": {"limit_seconds": PATIENCE},
            "embedding": {"embedder": "none"},
            "feeds": {},
            "channels": {},
            **settings,
        }
        self._raw["fetch"] = {"total_seconds": PATIENCE, "connect_seconds": PATIENCE, **self._raw["fetch"]}
        self._loop = asyncio.Runner()
        self._app: App | None = None
        self.embeds_for = timedelta(seconds=PATIENCE)
        """Long enough for every article of a poll, unless a test is about those that wait."""

    # --- what the operator does ---

    def follows(self, topic: str, *seeds: str, toml: str = "") -> None:
        """Put seeds (and a topic.toml) into a topic's folder."""
        folder = self._seeds / topic
        folder.mkdir(exist_ok=True)
        for number, text in enumerate(seeds, len(list(folder.glob("*.txt")))):
            (folder / f"seed{number}.txt").write_text(text)
        if toml:
            (folder / "topic.toml").write_text(toml)

    def reads(self, name: str, url: str, **settings: Any) -> None:
        """Add a feed to the settings."""
        self._raw["feeds"][name] = {"url": url, "allow_private": True, **settings}
        self.restarts()

    def allows(self, *networks: str) -> None:
        """Let every feed be fetched from these networks, whatever redirects there."""
        self._raw["fetch"]["allow_networks"] = list(networks)
        self.restarts()

    def tells(self, name: str, url: str, *, kind: str = "webhook", **settings: Any) -> None:
        """Add a channel to the settings."""
        self._raw["channels"][name] = {"kind": kind, "url": url, "allow_private": True, **settings}
        self.restarts()

    def restarts(self) -> None:
        """Let everything in memory go, as a restart does."""
        if self._app is not None:
            self._loop.run(self._app.aclose())
            self._app = None

    @property
    def app(self) -> App:
        """The service, started when it is first needed."""
        if self._app is None:
            lay_out(self._raw["store"]["url"])
            self._app = app = App(Settings.model_validate(self._raw))
            app.clock = self.clock  # type: ignore[assignment]
            app.open_store(may_migrate=True)
            app.apply_settings(now=self.clock())
            app.load_topics(now=self.clock())
            app.embeds_for = self.embeds_for
        return self._app

    # --- rounds ---

    def polls(self) -> list[Polled]:
        """Poll what is due, to the end."""
        return self._loop.run(self._poll())

    async def _poll(self) -> list[Polled]:
        done: list[Polled] = []
        poller = Poller(self.app.tools, on_polled=done.append)
        while await poller.start_due(now=self.clock()):
            await poller.finish()
        return done

    def delivers(self) -> int:
        """Send what is due; returns the number of tries."""
        return self._loop.run(self._deliver())

    async def _deliver(self) -> int:
        delivery = self.app.settings.delivery
        deliverer = Deliverer(
            self.app.db,
            lambda: self.app.channels,
            self.clock,
            rate=delivery.rate_per_second,
            max_age_for=delivery.max_age_for,
        )
        await deliverer.start_due()
        return await deliverer.finish()

    def lives(self, *, hours: float, step_minutes: float = 15) -> None:
        """Let time pass with a round of polling and delivering at every step."""
        end_at = self.clock() + timedelta(hours=hours)
        while self.clock() < end_at:
            self.clock.passes(minutes=step_minutes)
            self.polls()
            self.delivers()

    def reloads(self) -> bool:
        """Look for changed seeds and verdicts, as the daemon does every few seconds."""
        return self._loop.run(self.app.reload_topics(now=self.clock()))

    def reassesses(self) -> list[Reassessed]:
        """Assess again what is due, as the daemon does a batch a second, to the end."""
        return self._loop.run(self._reassess())

    async def _reassess(self) -> list[Reassessed]:
        done: list[Reassessed] = []
        while not (batch := await reassess_due(self.app.tools(), now=self.clock())).is_over:
            done.append(batch)
        return done

    # --- what became of it ---

    def rows(self, table: type[Any]) -> list[Any]:
        """Every row of a table, by its key."""
        with self.app.db.reading() as session:
            return list(session.exec(select(table)).all())

    def reasons(self) -> dict[str, str]:
        """Title -> name of the reason of the decision that stands, of every article."""
        in_force = {row.article_id: row.reason for row in sorted(self.rows(DecisionRow), key=lambda row: row.id)}
        return {row.title: in_force[row.id] for row in self.rows(ArticleRow)}

    def decisions(self, title: str = "") -> list[DecisionRow]:
        """The decisions on all articles, or on the one with this title, as they were made; the last one stands."""
        ids = {row.id for row in self.rows(ArticleRow) if title in ("", row.title)}
        return [row for row in sorted(self.rows(DecisionRow), key=lambda row: row.id) if row.article_id in ids]

    def told(self) -> list[str]:
        """Titles of all alerts and notices, in order."""
        with self.app.db.reading() as session:
            return list(session.exec(select(AlertRow.title).order_by(col(AlertRow.created_at), col(AlertRow.title))))

    def feed(self, name: str) -> FeedRow:
        """A feed's row."""
        return next(row for row in self.rows(FeedRow) if row.name == name)

    def deliveries(self) -> dict[str, int]:
        """State -> number of deliveries."""
        states = [row.state for row in self.rows(DeliveryRow)]
        return {state: states.count(state) for state in sorted(set(states))}

    def hits(self, session: Session | None = None, **query: Any) -> list[str]:
        """Titles of the matches, newest first."""
        with self.app.db.reading() as session:
            return [hit.title for hit in list_matches(session, MatchQuery(**query)).matches]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restarts()
        self._loop.close()
