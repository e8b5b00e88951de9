"""A daemon among the nodes of its store: gives its sign of life, looks at the service, tells the operator what lasts.

A missed beat is no crash: the next one comes 15 seconds later, and only a minute without any counts as silence.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from monitor import __version__
from monitor.alerting import condition, notices
from monitor.alerting.lasting import Lasting
from monitor.service import observer
from monitor.service.app import App
from monitor.service.observer import Observer
from monitor.store import nodes
from monitor.store.nodes import Node
from monitor.types.condition import Code, Problem, store_gone
from monitor.types.errors import StoreError

log = logging.getLogger("monitor.presence")

BEAT_SECONDS = observer.EVERY_SECONDS
_KEPT_FOR = timedelta(days=1)
"""So long a node without a sign of life is remembered."""


class Presence:
    """One node, from `begin` to `end`. `steady` is a clock that nobody sets."""

    def __init__(self, app: App, steady: Callable[[], datetime]) -> None:
        self._app = app
        self._steady = steady
        self._started_at: datetime | None = None
        self._lasting = Lasting()
        self._told: dict[str, Code | None] = {}
        self.observer = Observer(steady)

    def begin(self, *, is_alone: bool) -> None:
        """Appear among the nodes. One that is alone on its store removes those that ended without a word."""
        self._started_at = now = self._app.clock()
        with self._app.db.writing() as session:
            nodes.beat(session, self._node(now), now=now, kept_for=self._kept_for)
            if is_alone:
                nodes.forget_others(session, self._name)
        self.observer.keep(observer.look(self._app.db, now=now, speed=self._app.clock.speed))

    async def beat(self, *, is_disk_full: bool) -> None:
        """Give a sign of life, then look at the service and tell what lasts. Raises StoreError where that could not be written."""
        assert self._started_at is not None, "begin comes first"
        now, db = self._app.clock(), self._app.db
        try:
            await db.write(nodes.beat, self._node(self._started_at), now=now, kept_for=self._kept_for)
        finally:
            found = await self._look(now, is_disk_full=is_disk_full)
            self.observer.keep(found)
        await self._tell(found, now)

    def end(self) -> None:
        """Say that this node was stopped in order, not killed."""
        if self._started_at is None:
            return
        try:
            with self._app.db.writing() as session:
                nodes.stop(session, self._name, now=self._app.clock())
        except StoreError as error:
            log.warning("that this node was stopped could not be written: %s", error)

    # --- parts ----------------------------------------------------------------------------------------------------

    async def _look(self, now: datetime, *, is_disk_full: bool) -> tuple[Problem, ...]:
        db = self._app.db
        if db.is_file_gone:
            return (store_gone(db.shown),)
        try:
            state = await db.read(observer.read, path=db.path, is_disk_full=is_disk_full)
        except StoreError as error:
            return (observer.problem_of(error),)
        return condition.problems(state, now=now, speed=self._app.clock.speed)

    async def _tell(self, found: tuple[Problem, ...], now: datetime) -> None:
        """Write the notices that are due. What was told is remembered here only to spare the store a question every 15 seconds."""
        lasting = self._lasting.see(found, self._steady())
        news = {each: problem for each, problem in lasting.items() if self._told.get(each, "?") != _code(problem)}
        if not news:
            return
        channels = {name: each.destination for name, each in self._app.channels.items()}
        for subject in await self._app.db.write(notices.notify_condition, news, channels=channels, now=now):
            self._told[subject] = _code(news[subject])

    @property
    def _name(self) -> str:
        return self._app.settings.node.name or f"{socket.gethostname()}-{os.getpid()}"

    @property
    def _kept_for(self) -> timedelta:
        return _KEPT_FOR * self._app.clock.speed

    def _node(self, started_at: datetime) -> Node:
        return Node(
            name=self._name,
            host=socket.gethostname(),
            started_at=started_at,
            version=__version__,
            settings_digest=self._app.settings_digest(),
            has_page=self._app.settings.web.enabled,
            channels=nodes.listed({name: each.destination for name, each in self._app.channels.items()}),
        )


def _code(problem: Problem | None) -> Code | None:
    return problem.code if problem else None
