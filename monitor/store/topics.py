"""Topics and their life (in force, paused, renamed, ended) and their files.

A topic comes from a folder of seeds. The store keeps what is in force: its digest, version and files, so that the topic outlives a
folder that is away or broken, and nodes without the folder have it too. `topics.in_force` decides which of the two counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, delete, func, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from monitor.store import reassessments, verdicts, versions
from monitor.store.statements import Prepared
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ReassessmentRow
from monitor.store.tables.matches import MatchRow, NearMissCountRow, NearMissRow, SavedViewRow, VerdictRow
from monitor.store.tables.topics import SeedTextRow, SelfTrainingRow, TopicFileRow, TopicRow, TopicVersionRow
from monitor.types.matching import StoredTopic, Topic
from monitor.types.stories import Cause

_RENAMED = (
    MatchRow, NearMissRow, NearMissCountRow, VerdictRow, SelfTrainingRow, TopicVersionRow, SeedTextRow, TopicFileRow,
    AlertRow, ReassessmentRow,
)  # fmt: skip
"""The tables whose `topic` changes with a topic's name."""
_RENAMED_WITH_KEY = (AlertTopicRow,)
"""Those whose `key` begins with the topic's name besides."""
Files = Mapping[str, bytes]
"""Name within the topic's folder -> content."""


def sync(
    session: Session,
    topics: Sequence[Topic],
    *,
    files: Mapping[str, Files] | None = None,
    is_all: bool = True,
    reassess_since_at: datetime | None = None,
    now: datetime,
) -> list[str]:
    """Store the topics in force; changed seeds or verdicts make a new version. Returns the names with a new version.

    `files`: by topic, the files of those that were read from a folder. A topic that had ended is taken up again. `is_all`: topics
    that are not among these are not in force. `reassess_since_at`: the articles seen since then are assessed again for topics
    that are new or have other seeds or settings; a verdict alone is no reason.
    """
    known = {row.name: row for row in session.exec(select(TopicRow)).all()}
    in_force = verdicts.in_force(session)
    files = files or {}
    _keep_files(session, {each.name: files[each.name] for each in topics if _is_to_keep(each, files, known)})
    without = _without_files(session, files)
    _keep_files(session, {name: each for name, each in files.items() if name in without})
    changed = []
    for topic in topics:
        found = in_force.get(topic.name, [])
        key = versions.verdicts_key(found)
        row = known.get(topic.name)
        if reassess_since_at and topic.is_enabled and _is_redefined(row, topic):
            reassessments.add_range(session, Cause.SEEDS, topic.name, since_at=reassess_since_at, now=now)
        if row is not None and row.ended_at is not None:
            row.ended_at, row.became, row.revision = None, "", next_revision(session)
        if row is None:
            row = TopicRow(name=topic.name, title=topic.title, digest=topic.digest, changed_at=now, added_at=now)
            session.add(row)
        elif row.digest != topic.digest or row.verdicts_key not in (None, key):
            row.version, row.digest, row.changed_at = row.version + 1, topic.digest, now
        elif row.verdicts_key is not None:
            row.title, row.is_enabled = topic.title, topic.is_enabled
            continue
        is_first = row.verdicts_key is None
        row.title, row.is_enabled, row.verdicts_key = topic.title, topic.is_enabled, key
        row.revision = next_revision(session)
        versions.add(session, topic, row.version, found, now=now, is_first=is_first)
        changed.append(topic.name)
    names = {topic.name for topic in topics}
    for row in known.values() if is_all else ():
        row.is_enabled = row.is_enabled and row.name in names
    return changed


def _is_redefined(row: TopicRow | None, topic: Topic) -> bool:
    """Whether a topic is new, taken up again, or other than it was; not where an earlier release stored no version of it."""
    if row is None or row.ended_at is not None:
        return True
    return row.verdicts_key is not None and row.digest != topic.digest


def _is_to_keep(topic: Topic, files: Mapping[str, Files], known: Mapping[str, TopicRow]) -> bool:
    return topic.name in files and (topic.name not in known or known[topic.name].digest != topic.digest)


def _without_files(session: Session, names: Iterable[str]) -> set[str]:
    """Those that an earlier release stored, without their files."""
    with_files = session.exec(select(TopicFileRow.topic).distinct()).all()
    return set(names) - set(with_files)


def _keep_files(session: Session, files: Mapping[str, Files]) -> None:
    for topic, of_topic in files.items():
        session.connection().execute(delete(TopicFileRow).where(col(TopicFileRow.topic) == topic))
        session.add_all(
            TopicFileRow(topic=topic, path=_storable(path), content=content) for path, content in of_topic.items()
        )
        session.flush()


def _storable(path: str) -> str:
    """The name of a file that is no UTF-8 holds lone surrogates, which no database takes."""
    return path.encode("utf-8", "backslashreplace").decode()


# --- what is in force -------------------------------------------------------------------------------------------------


def latest_revision(session: Session) -> int:
    """When it changes, a topic has changed in the store: by a command, a page or another node."""
    session.flush()
    return _LATEST_REVISION.run(session, {})[0][0] or 0


def next_revision(session: Session) -> int:
    """The revision of the next topic that changes."""
    session.flush()
    return latest_revision(session) + 1


def stored(session: Session) -> dict[str, StoredTopic]:
    """Every topic that the store can give, by name, those that ended included; not those older than versions are."""
    files: dict[str, set[str]] = {}
    for topic, path in session.exec(select(TopicFileRow.topic, TopicFileRow.path)):
        files.setdefault(topic, set()).add(path)
    return {
        row.name: StoredTopic(
            name=row.name,
            digest=row.digest,
            version=row.version,
            files=frozenset(files.get(row.name, ())),
            is_paused=row.paused_at is not None,
            has_ended=row.ended_at is not None,
            became=row.became,
            away_since_at=row.away_since_at,
        )
        for row in session.exec(select(TopicRow).order_by(col(TopicRow.name)))
        if row.verdicts_key is not None
    }


def files(session: Session, topic: str) -> dict[str, bytes]:
    """The files of a topic's version in force; empty where an earlier release stored it."""
    rows = session.exec(select(TopicFileRow.path, TopicFileRow.content).where(TopicFileRow.topic == topic))
    return dict(rows.all())


def as_stored(session: Session, name: str) -> Topic | None:
    """The topic of the version in force, by its seeds and settings; None where no version is stored. Its channels are not kept
    in versions: prefer `files`."""
    row = session.get(TopicRow, name)
    found = versions.find(session, name, row.version) if row else None
    return found[0] if found else None


def with_earlier_version(session: Session, digests: Mapping[str, str]) -> frozenset[str]:
    """Those topics (name -> digest) that have, or had, a version of that digest, under this name or the one they have now."""
    rows = session.exec(select(TopicRow).where(col(TopicRow.name).in_(digests)))
    return frozenset(
        row.name
        for row in rows.all()
        if row.digest == digests[row.name] or versions.is_stored(session, row.became or row.name, digests[row.name])
    )


def set_away(session: Session, since: Mapping[str, datetime]) -> None:
    """Store since when the folders of these topics are away; those of all others are there."""
    for row in session.exec(select(TopicRow).where(col(TopicRow.away_since_at).is_not(None))):
        row.away_since_at = since.get(row.name)
    for name in since:
        session.get_one(TopicRow, name).away_since_at = since[name]


# --- the life of a topic ----------------------------------------------------------------------------------------------


def pause(session: Session, name: str, *, now: datetime) -> bool:
    """Assess a topic no more, until it is resumed; False where it is paused already."""
    row = session.get_one(TopicRow, name)
    if row.paused_at is not None:
        return False
    row.paused_at, row.is_enabled, row.revision = now, False, next_revision(session)
    return True


def resume(session: Session, name: str) -> bool:
    """End a topic's pause; False where it is not paused."""
    row = session.get_one(TopicRow, name)
    if row.paused_at is None:
        return False
    row.paused_at, row.is_enabled, row.revision = None, True, next_revision(session)
    return True


def end(session: Session, name: str, *, now: datetime) -> None:
    """End a topic. What it found is kept."""
    row = session.get_one(TopicRow, name)
    row.ended_at, row.is_enabled, row.revision = now, False, next_revision(session)
    row.paused_at = row.away_since_at = None


def is_name_used(session: Session, name: str) -> bool:
    """Whether a topic of this name is, or was, there; a name that a topic was renamed from is free."""
    row = session.get(TopicRow, name)
    if row is not None and not row.became:
        return True
    tables = (*_RENAMED, *_RENAMED_WITH_KEY)
    return any(session.exec(select(each).where(col(each.topic) == name).limit(1)).first() for each in tables)


def rename(session: Session, old: str, new: str, definition: Topic | None, *, now: datetime) -> None:
    """Give a topic another name, with all that it found, was told and learned. Nothing of it is new afterwards.

    `definition`: the topic as it is read under the new name, so that this makes no new version.
    """
    session.flush()
    for table in (*_RENAMED, *_RENAMED_WITH_KEY):
        session.connection().execute(update(table).where(col(table.topic) == old).values(topic=new))
    for keyed in _RENAMED_WITH_KEY:
        key = col(keyed.key)
        moved = new + func.substr(key, len(old) + 1)
        of_topic = (col(keyed.topic) == new, key.startswith(f"{old}/", autoescape=True))
        session.connection().execute(update(keyed).where(*of_topic).values(key=moved))
    session.expire_all()
    _rename_in_payloads(session, old, new)
    _rename_in_views(session, old, new)
    _rename_row(session, old, new, definition, now=now)


def _rename_in_payloads(session: Session, old: str, new: str) -> None:
    alert_ids = select(col(AlertTopicRow.alert_id)).where(col(AlertTopicRow.topic) == new)
    for row in session.exec(select(AlertRow).where(col(AlertRow.id).in_(alert_ids))):
        listed = [{**each, "name": new} if each["name"] == old else each for each in row.payload.get("topics", ())]
        row.payload = {**row.payload, "topic": row.topic, "topics": listed}


def _rename_in_views(session: Session, old: str, new: str) -> None:
    for row in session.exec(select(SavedViewRow)):
        if row.filters.get("topic") == old:
            row.filters = {**row.filters, "topic": new}


def _rename_row(session: Session, old: str, new: str, definition: Topic | None, *, now: datetime) -> None:
    """The row under the old name stays, to say what the topic became: to polls under way and to other nodes' folders."""
    session.connection().execute(delete(TopicRow).where(col(TopicRow.name) == new))
    session.connection().execute(update(TopicRow).where(col(TopicRow.became) == old).values(became=new))
    was = session.get_one(TopicRow, old)
    revision = next_revision(session)
    row = TopicRow(**{**was.model_dump(), "name": new, "revision": revision, "away_since_at": None, "changed_at": now})
    if definition is not None:
        row.title, row.digest = definition.title, definition.digest
        versions.redefine(session, definition, row.version)
    session.add(row)
    was.ended_at, was.became, was.is_enabled, was.revision = now, new, False, revision
    was.paused_at = was.away_since_at = None
    session.flush()


def renamed(session: Session) -> dict[str, str]:
    """Old name -> name now, of all topics that were renamed."""
    session.flush()
    return dict(tuple(row) for row in _NEW_NAMES.run(session, {}))


# --- lists ------------------------------------------------------------------------------------------------------------


def titles(session: Session) -> dict[str, str]:
    """Name -> title of every topic ever stored, by its name now."""
    rows = session.exec(select(TopicRow.name, TopicRow.title).where(TopicRow.became == "").order_by(col(TopicRow.name)))
    return dict(rows.all())


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTopic:
    """A topic's version and age."""

    version: int
    """The version in force."""
    added_at: datetime | None
    """When it was first seen; None for topics older than this record."""


def known(session: Session) -> dict[str, KnownTopic]:
    """Every topic ever stored, by its name now."""
    rows = session.exec(select(TopicRow.name, TopicRow.version, TopicRow.added_at).where(TopicRow.became == ""))
    return {name: KnownTopic(version=version, added_at=added_at) for name, version, added_at in rows}


def states(session: Session) -> dict[str, tuple[str, str | None, int]]:
    """Topic -> (digest of its folder, digest of its verdicts, revision). While all stay the same, so does its model, but for what
    it learns."""
    rows = session.exec(select(TopicRow.name, TopicRow.digest, TopicRow.verdicts_key, TopicRow.revision))
    return {name: (digest, key, revision) for name, digest, key, revision in rows}


_topics: Table = TopicRow.__table__  # type: ignore[attr-defined]
_LATEST_REVISION = Prepared(select_columns(func.max(_topics.c.revision)))
_NEW_NAMES = Prepared(select_columns(_topics.c.name, _topics.c.became).where(_topics.c.became != ""))
