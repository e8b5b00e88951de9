"""Runs the demo: newspaper and receiver on loopback, the real daemon between them, on a fast clock.

Events are passed to a callback as values. All files are in a folder that the caller deletes. The newspaper starts to publish
when the daemon has polled every feed once, so that its articles are news and no baseline.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.config.settings import (
    ClockSettings,
    DeliverySettings,
    EmbeddingSettings,
    FeedSettings,
    ScheduleSettings,
    SeedsSettings,
    Settings,
    StoreSettings,
    WebSettings,
)
from monitor.demo.newspaper import Newspaper
from monitor.demo.receiver import Received, Receiver
from monitor.polling.pipeline import Polled
from monitor.service.app import App
from monitor.service.clock import Clock
from monitor.service.daemon import Daemon
from monitor.store.db import Database
from monitor.store.figures import whole_store
from monitor.store.outbox import delivery_states

SPEED = 260.0
"""Seconds of the demo's clock in one real second: two and a half hours of news take about forty seconds."""
CHANNEL = "desk"
_INTERVAL_MINUTES = 3.0
_LEAST_INTERVAL_SECONDS = 0.7
"""Real seconds between two polls of a feed at least, however fast the clock."""
_WAIT_MINUTES = 12.0
"""How long an alert waits for copies of its article: outlets print agency texts within ten minutes."""
_TIMEOUT_SECONDS = 60.0
"""Longest wait for the first polls, and at the end for the last polls and deliveries; reached on a busy machine only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The daemon knows its feeds and the newspaper begins to publish."""

    address: str | None
    """Of the review page; None where it could not be opened."""
    feeds: int
    topics: tuple[str, ...]
    minutes: int
    """How long it will publish, by its own clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A poll that brought new articles."""

    at: datetime
    outlet: str
    fresh: int
    matches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAlert:
    """An alert has arrived at the receiver, verified."""

    at: datetime
    topics: tuple[str, ...]
    """All topics that it names, the strongest first."""
    headline: str
    outlet: str
    url: str
    score: float
    threshold: float
    terms: tuple[str, ...]
    sentence: str
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The result, from the store and the receiver."""

    is_complete: bool
    """False where it was stopped before everything was published and delivered."""
    published: int
    stored: int
    matches: int
    copies: int
    stories_told: int
    alerts: int
    delivered: int
    retried: int
    """Deliveries with more than one attempt."""
    doubles: int
    """Alerts that the receiver got twice; should be 0."""
    shared_stories: int
    """Stories alerted for several topics."""
    shared_alerts: int
    """Alerts on these that the channel got when they were new; should be one each."""


Event = Opened | News | ShownAlert


class Demo:
    """One run, with its store in `folder`. `on_event` is called from the event loop and the receiver's threads, one at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        on_event: Callable[[Event], None],
        speed: float = SPEED,
        port: int = 8000,
        is_kept: bool = False,
        on_end: Callable[[Summary], None] | None = None,
    ) -> None:
        self._folder = folder
        self._on_event = on_event
        self._on_end = on_end
        self._speed = speed
        self._port = port
        self._is_kept = is_kept
        self._start_at = datetime.now(UTC).replace(microsecond=0)
        self._opened: Clock | None = None
        self._met: set[str] = set()
        self._names: dict[str, str] = {}
        self._is_complete = False
        self._address: str | None = None

    async def run(self) -> Summary:
        """Run until everything is delivered or, with `is_kept`, until stopped. Raises MonitorError where it cannot start."""
        secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
        clock = Clock(self._speed, self._start_at, datetime.now(UTC))
        newspaper = Newspaper(self._paper_clock, started_at=self._start_at)
        # On the fast clock minutes pass between signing and checking: the usual five are no tolerance here.
        receiver = Receiver(
            secret, on_alert=self._on_received, clock=clock, tolerance_for=timedelta(hours=6), fails_first=True
        )
        with newspaper, receiver:
            settings = self._settings(newspaper, receiver, secret, clock)
            self._daemon = Daemon(App(settings), on_ready=self._keep_address, on_polled=self._on_poll)
            director = asyncio.create_task(self._direct(newspaper, receiver, settings))
            try:
                await self._daemon.run()
            finally:
                director.cancel()
                with suppress(asyncio.CancelledError):
                    await director
            return self._summary(newspaper, receiver, settings)

    def _paper_clock(self) -> datetime:
        """The newspaper's clock; stands still until it opens."""
        return self._opened() if self._opened else self._start_at

    # --- the course -----------------------------------------------------------------------------------------------

    async def _direct(self, newspaper: Newspaper, receiver: Receiver, settings: Settings) -> None:
        """Open the newspaper, wait until everything is delivered, stop the daemon."""
        await self._until(lambda: len(self._met) >= len(self._names) > 0)
        self._opened = Clock(self._speed, self._start_at, datetime.now(UTC))
        topics = tuple(topic.title for topic in self._daemon.app.loaded.topics)
        self._on_event(
            Opened(address=self._address, feeds=len(self._names), topics=topics, minutes=round(newspaper.total_minutes))
        )
        wait_for = 2 * settings.schedule.interval_for + settings.delivery.wait_for
        last_at = self._start_at + timedelta(minutes=newspaper.total_minutes) + wait_for
        await asyncio.sleep(self._opened.real_seconds(last_at - self._paper_clock()))
        await self._until(lambda: self._is_told(newspaper))
        self._is_complete = True
        if self._is_kept:
            if self._on_end:
                self._on_end(self._summary(newspaper, receiver, settings))
        else:
            self._daemon.stop()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                while not is_so():  # noqa: ASYNC110 - the store sends no events
                    await asyncio.sleep(0.1)

    def _is_told(self, newspaper: Newspaper) -> bool:
        """Whether everything published is stored and no delivery is pending."""
        published = {article.guid for article in newspaper.published()}
        with self._daemon.app.db.reading() as session:
            states = delivery_states.states(session)
            is_stored = whole_store.count_articles(session) >= len(published)
        return is_stored and not states["pending"] + states["leased"]

    # --- events ---------------------------------------------------------------------------------------------------

    def _keep_address(self, address: str | None) -> None:
        self._address = address

    def _on_poll(self, polled: Polled) -> None:
        self._met.add(polled.feed)
        fresh = sum(1 for each in polled.filed if each.is_new)
        if self._opened and fresh:
            outlet = self._names.get(polled.feed, polled.feed)
            self._on_event(News(at=self._paper_clock(), outlet=outlet, fresh=fresh, matches=polled.matches))

    def _on_received(self, received: Received) -> None:
        data = received.payload["data"]
        article, match = data["article"], data["match"]
        if not article or not match:  # a notice about the service itself
            return
        self._on_event(
            ShownAlert(
                at=self._paper_clock(),
                topics=tuple(each["title"] for each in data["topics"]),
                headline=article["title"],
                outlet=self._names.get(article["source"], article["source"]),
                url=article["url"],
                score=match["score"],
                threshold=match["threshold"],
                terms=tuple(each["term"] for each in match["terms"]),
                sentence=match["sentence"],
                also=tuple(self._names.get(name, name) for name in data["also_carried_by"]),
            )
        )

    # --- settings and summary -------------------------------------------------------------------------------------

    def _settings(self, newspaper: Newspaper, receiver: Receiver, secret: str, clock: Clock) -> Settings:
        minutes = max(_INTERVAL_MINUTES, _LEAST_INTERVAL_SECONDS * self._speed / 60)
        feeds = {}
        for name, url, language in newspaper.feeds():
            slug = _slug(name) or urlsplit(url).path.split("/")[1]
            self._names[slug] = name
            feeds[slug] = FeedSettings(url=url, title=name, language=language, allow_private=True)
        channel = {"kind": "webhook", "url": receiver.url, "secrets": [secret], "allow_private": True}
        return Settings(
            store=StoreSettings(url=f"sqlite:///{self._folder / 'demo.db'}"),
            seeds=SeedsSettings(dir=Path(str(files("monitor.demo"))) / "seeds"),
            schedule=ScheduleSettings(
                interval_minutes=minutes, min_interval_minutes=minutes, max_interval_minutes=minutes, tick_seconds=0.1
            ),
            embedding=EmbeddingSettings(embedder="none"),  # the demo shows the same wherever it runs
            web=WebSettings(port=self._port),
            delivery=DeliverySettings(wait_seconds=_WAIT_MINUTES * 60, rate_per_second=20),
            feeds=feeds,
            channels={CHANNEL: channel},
            clock=ClockSettings(speed=clock.speed, start_at=clock.start_at, real_start_at=clock.real_start_at),
        )

    def _summary(self, newspaper: Newspaper, receiver: Receiver, settings: Settings) -> Summary:
        db = Database(settings.store.url)
        try:
            with db.reading() as session:
                totals = whole_store.totals(session)
        finally:
            db.close()
        shared = alerts_of_shared_stories(each.payload for each in receiver.received)
        return Summary(
            is_complete=self._is_complete,
            published=len({article.guid for article in newspaper.published()}),
            stored=totals.articles,
            matches=totals.matches,
            copies=totals.copies,
            stories_told=totals.stories_told,
            alerts=totals.alerts,
            delivered=len(receiver.received),
            retried=totals.deliveries_retried,
            doubles=receiver.repeated,
            shared_stories=len(shared),
            shared_alerts=sum(shared.values()),
        )


def alerts_of_shared_stories(payloads: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    """For each story that was told for several topics, in one alert or in several, how many alerts told it as new."""
    topics: dict[int, set[str]] = defaultdict(set)
    alerts = Counter[int]()
    for payload in payloads:
        if payload["type"] == "alert.new":
            data = payload["data"]
            topics[data["story_id"]] |= {each["name"] for each in data["topics"]}
            alerts[data["story_id"]] += 1
    return {story: alerts[story] for story, names in topics.items() if len(names) > 1}


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
