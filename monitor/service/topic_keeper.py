"""Keeps the topics in force: reads the seeds folder, lets `topics.in_force` decide, stores and says what follows.

What was said of the seeds, and since when it is so, is in memory: after a restart it is said again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from monitor.alerting import notices
from monitor.store import topics as store
from monitor.store.db import Session, serialize_decisions
from monitor.topics import in_force, seeds
from monitor.topics.in_force import Remark, TopicsInForce
from monitor.topics.seeds import LoadedTopics
from monitor.types.matching import StoredTopic, Topic

log = logging.getLogger("monitor.topics")

NOTICE_AFTER = timedelta(minutes=1)
"""What is over sooner (an editor saving, a folder that is being exchanged) is in the log and in no notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a look at the seeds came to, as it was stored."""

    topics: tuple[Topic, ...]
    """Those in force; one that is paused is not enabled."""
    changed: tuple[str, ...]
    """Topics with a new version."""
    decision: TopicsInForce
    stored: Mapping[str, StoredTopic]
    read: LoadedTopics


@dataclass(frozen=True, slots=True)
class _Said:
    remark: Remark
    since_at: datetime
    is_notified: bool = False


class TopicKeeper:
    """The topics of one process. `settle` inside a transaction, `remember` after it."""

    def __init__(self, root: Path, *, is_shared: bool, reassess_for: timedelta = timedelta(days=7)) -> None:
        """`reassess_for`: a topic that is new or changed is compared with the articles of so long."""
        self._root, self._is_shared, self._reassess_for = root, is_shared, reassess_for
        self._folders = seeds.TopicFolders(root)
        self._in_use: dict[str, Topic] = {}
        self._seen: dict[str, str] = {}
        self._said: dict[str, _Said] = {}
        self._over: list[_Said] = []
        self.changes_at: datetime | None = None

    def read(self) -> LoadedTopics:
        """Read the seeds folder."""
        return self._folders.load()

    def settle(self, session: Session, read: LoadedTopics, *, channels: Mapping[str, str], now: datetime) -> Settled:
        """Decide which topics are in force, and store what follows. `channels`: who gets notices."""
        serialize_decisions(session)
        read = _still_there(read, self._root)
        stored = store.stored(session)
        decision = decide(session, read, stored, is_shared=self._is_shared, seen=self._seen, now=now)
        for name in decision.ends:
            store.end(session, name, now=now)
            notices.notify_topic_ended(session, name, away_for="an hour", channels=channels, now=now)
        store.set_away(session, decision.away)
        topics = self._topics(session, read, stored, decision)
        files = {each.name: each.files for each in read.folders if each.name in decision.from_folder}
        changed = store.sync(session, topics, files=files, reassess_since_at=now - self._reassess_for, now=now)
        return Settled(topics=topics, changed=tuple(changed), decision=decision, stored=stored, read=read)

    def _topics(
        self, session: Session, read: LoadedTopics, stored: Mapping[str, StoredTopic], decision: TopicsInForce
    ) -> tuple[Topic, ...]:
        found = _in_force(session, read, stored, decision, known=self._in_use)
        paused = {name for name, topic in stored.items() if topic.is_paused}
        return tuple(replace(each, is_enabled=False) if each.name in paused else each for each in found)

    def remember(self, settled: Settled, *, now: datetime) -> None:
        """Take over what was stored, and log what began and what is over."""
        paused = {name for name, topic in settled.stored.items() if topic.is_paused}
        self._in_use = {each.name: each for each in settled.topics if each.name not in paused}
        self._seen |= {each.name: each.digest for each in settled.read.topics}
        self.changes_at = settled.decision.changes_at
        for name in settled.decision.ends:
            log.warning("seeds: %s: its folder has been away for an hour: the topic counts as removed", name)
        self._end_remarks(settled.decision)
        for remark in settled.decision.remarks:
            said = self._said.get(remark.topic)
            if said is None or said.remark.short != remark.short:  # else at most its faults are others
                log.warning("seeds: %s", remark.text)
                said = _Said(remark, settled.decision.away.get(remark.topic, now))
            self._said[remark.topic] = replace(said, remark=remark)

    def _end_remarks(self, decision: TopicsInForce) -> None:
        remarked = {each.topic for each in decision.remarks}
        for name in [name for name in self._said if name not in remarked]:
            said = self._said.pop(name)
            if name and name not in decision.from_folder:
                continue  # it ended, or more is wrong now, which is said instead
            log.warning("seeds: %s", f"{name}: read from its folder again" if name else "the folder can be used again")
            if said.is_notified:
                self._over.append(said)

    # --- what is told ---

    @property
    def remarks(self) -> list[str]:
        """What is to be said of the seeds now, in short, without paths."""
        return [said.remark.short for said in self._said.values()]

    def uncovered_faults(self, faults: Sequence[str]) -> list[str]:
        """Those faults that no remark tells."""
        covered = {fault for said in self._said.values() for fault in said.remark.faults}
        return [fault for fault in faults if fault not in covered]

    def has_notices(self, now: datetime) -> bool:
        """Whether `notify` has something to send."""
        return bool(self._over or self._due(now))

    def notify(self, session: Session, *, channels: Mapping[str, str], now: datetime) -> None:
        """Send notices of what has been so for a while, and of what is over."""
        for is_over, saids in ((False, self._due(now)), (True, self._over)):
            for said in saids:
                topic, text, since_at = said.remark.topic, said.remark.text, said.since_at
                notices.notify_seeds(
                    session, topic, text, is_over=is_over, since_at=since_at, channels=channels, now=now
                )

    def mark_notified(self, now: datetime) -> None:
        """Remember, after the transaction, that `notify` sent what was due at `now`."""
        self._over.clear()
        self._said |= {said.remark.topic: replace(said, is_notified=True) for said in self._due(now)}

    def _due(self, now: datetime) -> list[_Said]:
        return [
            said
            for said in self._said.values()
            if not (said.is_notified or said.remark.is_local) and now - said.since_at >= NOTICE_AFTER
        ]


def decide(
    session: Session,
    read: LoadedTopics,
    stored: Mapping[str, StoredTopic],
    *,
    is_shared: bool,
    seen: Mapping[str, str] | None = None,
    now: datetime,
) -> TopicsInForce:
    """`in_force.decide` on this store. `seen`: topic -> digest of its folder when this process last read it."""
    digests = {each.name: each.digest for each in read.topics}
    changed = {name for name, digest in digests.items() if (seen or {}).get(name, digest) != digest}
    earlier = store.with_earlier_version(session, digests) if is_shared else frozenset()
    return in_force.decide(read, stored, is_shared=is_shared, changed=changed, earlier=earlier, now=now)


def look(session: Session, read: LoadedTopics, *, is_shared: bool, now: datetime) -> tuple[LoadedTopics, TopicsInForce]:
    """The topics in force, for commands that read beside the daemon: nothing is stored. One that is paused is as its files say."""
    stored = store.stored(session)
    decision = decide(session, read, stored, is_shared=is_shared, now=now)
    return replace(read, topics=tuple(_in_force(session, read, stored, decision))), decision


def _in_force(
    session: Session,
    read: LoadedTopics,
    stored: Mapping[str, StoredTopic],
    decision: TopicsInForce,
    *,
    known: Mapping[str, Topic] | None = None,
) -> list[Topic]:
    """The topics of a decision in the order of their names. `known`: those of the last look, to spare reading them again."""

    def held(name: str) -> Topic | None:
        topic = (known or {}).get(name)
        return topic if topic and topic.digest == stored[name].digest else from_store(session, stored[name])

    found = [each for each in read.topics if each.name in decision.from_folder]
    found += filter(None, (held(name) for name in decision.from_store))
    return sorted(found, key=lambda each: each.name)


def from_store(session: Session, stored: StoredTopic) -> Topic | None:
    """The topic as the store holds it."""
    files = store.files(session, stored.name)
    topic = seeds.from_files(stored.name, files) if files else store.as_stored(session, stored.name)
    return replace(topic, digest=stored.digest) if topic else None


def _still_there(read: LoadedTopics, root: Path) -> LoadedTopics:
    """Without folders that were moved away since they were read, as by a command whose transaction we waited for."""
    gone = {each.name for each in read.folders if not os.path.isdir(root / each.name)}
    return replace(
        read,
        topics=tuple(each for each in read.topics if each.name not in gone),
        folders=tuple(each for each in read.folders if each.name not in gone),
    )
