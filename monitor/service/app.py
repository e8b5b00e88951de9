"""The parts of one process with what is in force in it: settings, channels, topics and their models, which it keeps up to date.

Topics and models are kept in memory, rebuilt from `seeds/` and the verdicts when either changes; everything else is in the store.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial

from monitor.alerting import notices
from monitor.alerting.channels.base import Channel
from monitor.config.plan import difference
from monitor.config.settings import Settings
from monitor.learning.multilingual import POLL_EMBEDS_FOR
from monitor.learning.tracker import Tracker
from monitor.learning.training import build_matcher, last_mark, rebuild_matcher
from monitor.polling.cadence import Cadence
from monitor.polling.tools import Tools
from monitor.polling.values import AlertingContext
from monitor.service import in_force
from monitor.service.drift_watch import DriftWatch
from monitor.service.parts import Parts
from monitor.service.topic_keeper import TopicKeeper
from monitor.store import channels as channel_rows
from monitor.store import topics, verdicts
from monitor.store.db import Session
from monitor.topics import seeds
from monitor.topics.seeds import LoadedTopics
from monitor.types import digests
from monitor.types.matching import Topic
from monitor.types.plans import Plan, SettingsEntry
from monitor.types.stories import EscalationLimits

log = logging.getLogger("monitor.app")

_SLOW_CHECK_SECONDS, _CHECK_BACKOFF = 0.05, 10
"""A check of the seeds that took longer than this is repeated only after `_CHECK_BACKOFF` times as long."""


class App(Parts):
    """The parts of one process, with the settings, topics and models in force."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.loaded = LoadedTopics()
        self.tracker: Tracker | None = None
        self.in_turn = asyncio.Lock()
        """Held while articles are assessed and stored, and while models are built anew."""
        self._used_mark = 0
        self._used_digest = ""
        self._used_verdict = 0
        self._topic_states: dict[str, tuple[tuple[str, str | None, int], str | None]] = {}
        """By topic, its state in the store and the digest of the topic that the models were built from."""
        self._relearned: set[str] = set()
        """Topics whose models by words were built anew, and those by meaning not yet."""
        self._built_revision = 0
        self._next_seed_check_at = 0.0
        self._used_revision = 0
        self._embedded_state: tuple[object, ...] = ()
        self._embedded_verdict = 0
        self._embedded_basis: tuple[object, ...] = ()
        self._embedding_task: asyncio.Task[None] | None = None
        self._reported_problem: str | None = None
        self.embeds_for = POLL_EMBEDS_FOR
        """How long a poll waits for the embeddings of its articles."""
        self.channels_in_force: Mapping[str, str] = {}
        self.credentials_in_force: Mapping[str, str] = {}
        """Name -> digest of the destination, as the store has them."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """The channels that this node can send by: those of its settings, and those added by command or page whose files it has.
        Raises ConfigError with the faults of all of the settings.

        A file from before the channel was changed on another node is as none: an old password would fail, and pause the channel
        for all nodes.
        """
        added = self.added_channels.channels
        now = {name: self.credentials_in_force.get(name) or each.credentials for name, each in added.items()}
        usable = {name: each for name, each in added.items() if each.credentials == now[name]}
        return {**usable, **self.settings_channels}

    async def aclose(self) -> None:
        """Let the embedding of seeds end, then close the parts in use."""
        if self._embedding_task:
            await asyncio.gather(self._embedding_task, return_exceptions=True)
        await super().aclose()

    # --- the settings in force ------------------------------------------------------------------------------------

    def settings_digest(self) -> str:
        """The digest of feeds, channels and topics, by which nodes see that they differ. No secret goes into it."""
        return digests.of_setup(
            (f"{each.name} {each.digest}" for each in self.entries if each.kind == "feed"),
            (f"{each.name} {each.digest}" for each in self.entries if each.kind == "channel"),
            (f"{topic.name} {topic.digest}" for topic in self.loaded.topics),
        )

    @cached_property
    def entries(self) -> tuple[SettingsEntry, ...]:
        """The feeds and channels of the settings. Raises ConfigError with the faults of all channels."""
        return in_force.entries_of(self.settings, self.settings_channels)

    def apply_settings(self, *, now: datetime) -> Plan:
        """Apply the settings as a daemon's start does; returns what was done."""
        limit_for, file = self.settings.delivery.max_age_for, in_force.file_of(self.settings)
        plan = in_force.apply_at_start(self.db, self.entries, file=file, now=now, max_age_for=limit_for)
        self.load_channels_in_force()
        return plan

    def use_store_settings(self, *, now: datetime) -> str:
        """Go by the feeds and channels in force, as commands do: the settings are applied only to a store that never had any.
        Returns in what they differ, in one line; '' where they do not."""
        plan = in_force.apply_at_first_use(self.db, self.entries, file=in_force.file_of(self.settings), now=now)
        self.load_channels_in_force()
        return difference(plan)

    def load_channels_in_force(self) -> None:
        """Read which channels alerts are queued for: those in force, whether this node can send by them or another one."""
        with self.db.reading() as session:
            self._use_channels(_channels_of(session))

    def _use_channels(self, found: tuple[Mapping[str, str], Mapping[str, str]]) -> None:
        self.channels_in_force, self.credentials_in_force = found

    # --- topics and their models ----------------------------------------------------------------------------------

    @cached_property
    def topic_keeper(self) -> TopicKeeper:
        """Decides which topics are in force. On PostgreSQL other nodes have a say too."""
        return TopicKeeper(
            self.settings.seeds.dir,
            is_shared=not self.db.is_sqlite,
            reassess_for=self.settings.schedule.max_age_for,
        )

    @cached_property
    def drift_watch(self) -> DriftWatch:
        """Looks whether topics have drifted."""
        return DriftWatch(self.db)

    def load_topics(self, *, now: datetime) -> list[str]:
        """Read the seeds, store the topics in force and build their models. Returns the names of topics with a new version."""
        digest, keeper = self._digest_of_seeds(), self.topic_keeper
        read = keeper.read()
        with self.db.writing() as session:
            settled = keeper.settle(session, read, channels=self._notice_channels, now=now)
            verdict, revision = verdicts.latest_id(session), topics.latest_revision(session)
        keeper.remember(settled, now=now)
        self.loaded = replace(read, topics=settled.topics)
        self._build_models()
        self._used_digest, self._used_verdict, self._used_revision = digest, verdict, revision
        return list(settled.changed)

    @property
    def _notice_channels(self) -> dict[str, str]:
        return dict(self.channels_in_force)

    def _build_models(self) -> None:
        if self.tracker is not None:
            self.tracker.begin_rebuild()
        with self.db.reading() as session:
            mark, revision = last_mark(session), topics.latest_revision(session)
            in_store, loaded = topics.states(session), {each.name: each.digest for each in self.loaded.topics}
            states = {name: (state, loaded.get(name)) for name, state in in_store.items()}
            if self.tracker is None or mark != self._used_mark:
                matcher = build_matcher(session, self.loaded.topics)
            else:
                stale = {name for name, state in states.items() if self._topic_states.get(name) != state}
                self._relearned |= stale
                matcher = rebuild_matcher(session, self.loaded.topics, self.tracker.matcher, stale)
        self._used_mark, self._topic_states, self._built_revision = mark, states, revision
        if self.tracker is None:
            self.tracker = Tracker(matcher)
        else:
            self.tracker.finish_rebuild(matcher)

    def load_embeddings(self) -> None:
        """Embed the topics' seeds for matching across languages, as many as a few seconds allow. Needs `load_topics` first."""
        if self.multilingual:
            state, verdict, basis = self._state, self._used_verdict, self._semantic_basis
            stale, self._relearned = self._relearned, set()
            try:
                if basis == self._embedded_basis:
                    self.multilingual.learn_verdicts(
                        self.db, self.loaded.topics, since=self._embedded_verdict, also=stale
                    )
                else:
                    self.multilingual.renew(self.db, self.loaded.topics)
            except BaseException:  # else nobody would know any more that these are to be built anew
                self._relearned |= stale
                raise
            self._embedded_state, self._embedded_verdict, self._embedded_basis = state, verdict, basis

    @property
    def _semantic_basis(self) -> tuple[object, ...]:
        """What the models by meaning are built from, verdicts left out."""
        return self._used_mark, frozenset((each.name, each.digest, each.is_enabled) for each in self.loaded.topics)

    async def renew_models(self) -> None:
        """Build the models anew where the archive has reached its next mark, or the text of an article changed that a topic learned
        from, before the next article is assessed: after a restart, and in a backtest, it is the same article. Call it in turn."""
        built = self._used_mark, self._built_revision
        if (await self.db.read(last_mark), await self.db.read(topics.latest_revision)) != built:
            await asyncio.to_thread(self._build_models)
            await asyncio.to_thread(self.load_embeddings)

    @property
    def _state(self) -> tuple[object, ...]:
        """What the models in use were built from."""
        return self._used_digest, self._used_verdict, self._used_revision, self._used_mark

    def _digest_of_seeds(self) -> str:
        root = self.settings.seeds.dir
        began = time.thread_time()
        found = seeds.folder_digest(root) if os.path.isdir(root) else ""
        took = time.thread_time() - began
        self._next_seed_check_at = time.monotonic() + (_CHECK_BACKOFF * took if took > _SLOW_CHECK_SECONDS else 0.0)
        return found

    async def reload_topics(self, *, now: datetime) -> bool:
        """Rebuild the models on a thread if seeds, verdicts, topics or the archive changed; True where they were rebuilt."""
        self._use_channels(await self.db.read(_channels_of))
        await self._report_embedder(now)
        await self._report_seeds(now)
        await self._report_drift(now)
        if await self._current_state() == self._state and not self._is_change_due(now):
            self._start_embedding()
            return False
        before = set(self.loaded.faults)
        async with self.in_turn:
            changed = await asyncio.to_thread(self.load_topics, now=now)
        for fault in self.topic_keeper.uncovered_faults(self.loaded.faults):
            if fault not in before:
                log.error("seeds: %s", fault)
        self._start_embedding()
        log.info("topics reloaded count=%d changed=%s", len(self.loaded.topics), ",".join(changed) or "none")
        return True

    async def _current_state(self) -> tuple[object, ...]:
        """What the models would be built from now."""
        digest = self._used_digest
        if time.monotonic() >= self._next_seed_check_at:
            digest = await asyncio.to_thread(self._digest_of_seeds)
        return (
            digest,
            await self.db.read(verdicts.latest_id),
            await self.db.read(topics.latest_revision),
            await self.db.read(last_mark),
        )

    def _is_change_due(self, now: datetime) -> bool:
        """Whether a topic ends now, as its folder was away for long enough."""
        changes_at = self.topic_keeper.changes_at
        return changes_at is not None and now >= changes_at

    async def _report_seeds(self, now: datetime) -> None:
        """Send notices where seeds have been away or broken for a while, or are back."""
        if self.topic_keeper.has_notices(now):
            await self.db.write(self.topic_keeper.notify, channels=self._notice_channels, now=now)
            self.topic_keeper.mark_notified(now)

    async def _report_drift(self, now: datetime) -> None:
        """Send notices of topics whose matches have left their sentence and seeds."""
        if self.tracker is None or not self.drift_watch.is_due(now):
            return
        semantic = self.multilingual.model if self.multilingual else None
        look = partial(self.drift_watch.look, channels=self._notice_channels, now=now)
        if told := await asyncio.to_thread(look, self.loaded.topics, self.tracker.matcher, semantic):
            log.warning("topics drifted, or are as before: %s; notices say more", ", ".join(told))

    async def _report_embedder(self, now: datetime) -> None:
        """Send a notice where the embedder began to fail or works again."""
        problem = self.multilingual.embedding.problem if self.multilingual else None
        if bool(problem) == bool(self._reported_problem):
            return
        self._reported_problem = problem
        kind = self.settings.embedding.embedder.partition(":")[0]
        await self.db.write(notices.notify_embedder, kind, problem, channels=self._notice_channels, now=now)

    def _start_embedding(self) -> None:
        """Embed changed seeds in a task of its own: an embedder may be slow, and topics match lexically meanwhile."""
        multilingual = self.multilingual
        if (
            not multilingual
            or not multilingual.embedding.is_on
            or (self._embedding_task and not self._embedding_task.done())
        ):
            return
        if self._embedded_state != self._state or not (multilingual.is_complete or multilingual.embedding.is_paused):
            self._embedding_task = asyncio.create_task(asyncio.to_thread(self.load_embeddings), name="embed seeds")
            self._embedding_task.add_done_callback(_log_failure)

    # --- what polls need ------------------------------------------------------------------------------------------

    def alerting_context(self) -> AlertingContext:
        """The topics, channels and settings by which a poll decides on alerts, as they are now."""
        by_name: dict[str, Topic] = {topic.name: topic for topic in self.loaded.topics}
        return AlertingContext(
            topics=by_name,
            channels=self.channels_in_force,
            wait_for=self.settings.delivery.wait_for,
            tells_updates=self.settings.delivery.updates == "material",
            limits=EscalationLimits(
                outlets=self.settings.delivery.escalate_outlets, pace=self.settings.delivery.escalate_pace
            ),
            preferred=self.settings.stories.preferred_sources,
            base_url=self.settings.web.base_url if self.settings.web.enabled else "",
        )

    def tools(self) -> Tools:
        """The parts and settings that a poll needs, as they are now. Needs `load_topics` first."""
        assert self.tracker is not None, "load_topics comes first"
        schedule, fetch = self.settings.schedule, self.settings.fetch
        return Tools(
            db=self.db,
            fetcher=self.fetcher,
            workers=self.workers,
            matcher=self.tracker,
            alerting=self.alerting_context(),
            multilingual=self.multilingual,
            embeds_for=self.embeds_for,
            embeds_per_day=self.settings.embedding.articles_per_day,
            are_seeds_embedded=self._embedded_state == self._state,
            topics_revision=self._used_revision,
            in_turn=self.in_turn,
            renew_models=self.renew_models,
            cadence=Cadence(
                min_for=schedule.min_interval_for,
                max_for=schedule.max_interval_for,
                failing_after=schedule.failing_after,
            ),
            max_age_for=schedule.max_age_for,
            feed_policy=self.feed_policy,
            private_policy=self.private_policy,
            reader=self.reader,
            pages=fetch.pages,
            pages_per_poll=fetch.pages_per_poll,
            pages_per_day=fetch.pages_per_day,
        )


def _channels_of(session: Session) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The channels in force, by their destinations, and what those that were added send with."""
    return channel_rows.destinations(session), channel_rows.credentials(session)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("seeds could not be embedded: %s; it is tried again", error)
