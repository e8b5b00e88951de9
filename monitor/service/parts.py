"""Builds the parts of the program from the settings when they are first used: store, HTTP clients, workers, embedder, channels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property

from monitor.alerting.channels import registry as channel_kinds
from monitor.alerting.channels.base import Channel
from monitor.config import channel_files
from monitor.config.settings import Settings
from monitor.feeds.visitor import Visitor
from monitor.learning.embedding import Embedding
from monitor.learning.multilingual import Multilingual
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.net.http import HttpClient
from monitor.polling.fulltext import PageReader
from monitor.reading.fetch import Fetcher, FetchLimits
from monitor.reading.workers import Workers
from monitor.service import clock as clocks
from monitor.service.added_channels import AddedChannels
from monitor.store import files, migrate
from monitor.store.db import Database
from monitor.types.errors import ConfigError, StoreError, StoreFullError

log = logging.getLogger("monitor.app")

_PAGE_SECONDS = 10.0
"""The time limit for one page, redirects included."""


class Parts:
    """The parts of one process, created when first used; `aclose` (or `close`, without network) closes those in use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        clock = settings.clock
        self.clock = clocks.from_settings(clock.speed, clock.start_at, clock.real_start_at)

    @cached_property
    def db(self) -> Database:
        """The store; call `open_store` first, which upgrades or checks its schema."""
        return Database(self.settings.store.url)

    @cached_property
    def client(self) -> HttpClient:
        """The HTTP client for alert receivers."""
        return HttpClient(
            policy=AddressPolicy(self.settings.delivery.allow_networks),
            user_agent=self.settings.fetch.user_agent,
            connect_for=timedelta(seconds=self.settings.fetch.connect_seconds),
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        """Fetches feeds and pages."""
        fetch = self.settings.fetch
        client = HttpClient(
            policy=self.feed_policy,
            user_agent=fetch.user_agent,
            connect_for=timedelta(seconds=fetch.connect_seconds),
        )
        limits = FetchLimits(
            total_for=timedelta(seconds=fetch.total_seconds),
            body_bytes=fetch.max_bytes,
            concurrency=max(32, self.settings.schedule.concurrency),
            per_host=self.settings.schedule.per_host,
            spacing_for=FetchLimits().spacing_for / self.clock.speed,
        )
        return Fetcher(client, limits=limits)

    @cached_property
    def feed_policy(self) -> AddressPolicy:
        """The addresses that feeds may have."""
        return AddressPolicy(self.settings.fetch.allow_networks)

    @cached_property
    def workers(self) -> Workers:
        """Processes that parse untrusted documents."""
        workers = self.settings.workers
        return Workers(
            processes=workers.processes,
            limit_for=timedelta(seconds=workers.limit_seconds),
            memory_mb=workers.memory_mb,
            # those that wait there must leave places to other polls
            waiting=max(1, min(8, self.settings.schedule.concurrency // 2)),
        )

    @cached_property
    def reader(self) -> PageReader:
        """Fetches and reads articles' own pages."""
        return PageReader(
            self.fetcher,
            self.workers,
            agent=self.settings.fetch.user_agent,
            public=self.feed_policy,
            private=self.private_policy,
            limit_for=timedelta(seconds=min(_PAGE_SECONDS, self.settings.fetch.total_seconds)),
            pace=self.clock.speed,
        )

    @cached_property
    def private_policy(self) -> AddressPolicy:
        """The addresses of feeds that the operator allowed to be private."""
        return AddressPolicy((*self.settings.fetch.allow_networks, *PRIVATE_NETWORKS))

    def visitor(self, db: Database | None) -> Visitor:
        """Looks at addresses for feeds; `db` as `Visitor` takes it."""
        return Visitor(self.fetcher, self.workers, public=self.feed_policy, private=self.private_policy, db=db)

    @cached_property
    def multilingual(self) -> Multilingual | None:
        """Matching by meaning, in every language; None where the settings want none, or the default cannot run here."""
        settings = self.settings.embedding
        if settings.embedder == "none":
            return None
        multilingual = Multilingual(Embedding(settings, user_agent=self.settings.fetch.user_agent))
        if multilingual.embedding.problem and settings.embedder == "auto":
            log.warning("articles are matched by words alone: %s", multilingual.embedding.problem)
            return None
        if multilingual.embedding.problem:
            log.error("embedding: %s; articles are matched by words alone", multilingual.embedding.problem)
        return multilingual

    @cached_property
    def added_channels(self) -> AddedChannels:
        """The channels that were added by command or page, as they were when `refresh` was called last."""
        added = AddedChannels(channel_files.folder_of(self.settings.file), lambda: self.client)
        added.refresh()
        return added

    @cached_property
    def settings_channels(self) -> Mapping[str, Channel]:
        """The channels of the settings by name. Raises ConfigError with the faults of all of them."""
        built: dict[str, Channel] = {}
        faults: list[str] = []
        for name, raw in self.settings.channels.items():
            try:
                built[name] = channel_kinds.build(name, raw, self.client)
            except ConfigError as error:
                faults += [f"{self.settings.place('channels', name)}: {fault}" for fault in error.faults]
        if faults:
            raise ConfigError(*faults)
        return built

    async def aclose(self) -> None:
        """Close the parts in use."""
        parts = self.__dict__
        if "fetcher" in parts:
            await self.fetcher.aclose()
        if "client" in parts:
            await self.client.aclose()
        self.close()

    def close(self) -> None:
        """Close the parts in use, for commands that did not use the network."""
        if "workers" in self.__dict__:
            self.workers.close()
        if self.__dict__.get("multilingual"):
            self.__dict__["multilingual"].embedding.close()
        if "db" in self.__dict__:
            self.db.close()

    # --- the store ------------------------------------------------------------------------------------------------

    def open_store(self, *, may_migrate: bool) -> None:
        """Upgrade the schema of SQLite and of an empty PostgreSQL, if `may_migrate`; else raise StoreError for an outdated one.

        A PostgreSQL with contents is upgraded only by `monitor migrate`.
        """
        self.check_folder()
        if migrate.is_current(self.db):
            return
        is_empty = migrate.current(self.db) is None
        if may_migrate and (self.db.is_sqlite or is_empty):
            if migrate.upgrade(self.db):
                log.info("store %s brought to schema %s", self.db.shown, migrate.head())
            return
        migrate.check(self.db)

    def check_folder(self) -> None:
        """Create the data folder. A StoreError that names it is clearer than SQLite's `unable to open database file` (D3)."""
        path = self.db.path
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            kind = StoreFullError if files.is_full(error) else StoreError
            raise kind(
                f"the data folder {path.parent} cannot be made: {error.strerror}; "
                "set store.url to a place that this user may write"
            ) from error
