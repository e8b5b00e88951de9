"""Keeps the versions of each topic, with everything needed to build them again and compare them.

A version is what the topic's owner gave it: seeds, counter-seeds, settings and verdicts; self-training makes none. Texts are
stored once for all versions that share them. The latest 50 versions of a topic are kept, and those that a match refers to.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func
from sqlmodel import Session, col, select

from monitor.store.statements import chunks, execute
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.topics import SeedTextRow, TopicRow, TopicVersionRow
from monitor.store.verdicts import VerdictInForce
from monitor.text.tokens import some_of
from monitor.types import digests
from monitor.types.matching import Example, Seed, Topic, TopicOutline

KEPT = 50
"""Versions of a topic that are kept even if no match refers to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicVersion:
    """A version without its contents."""

    topic: str
    number: int
    digest: str
    why: str
    at: datetime
    seeds: int
    counter_seeds: int
    confirmed: int
    dismissed: int
    matches: int = 0
    """The number of matches it made."""
    verdicts_key: str = ""
    """`verdicts_key` its verdicts."""


def verdicts_key(verdicts: Iterable[VerdictInForce]) -> str:
    """A digest of the verdicts in force; '' where there are none."""
    plain = sorted(verdicts)
    return digests.of_plain(plain) if plain else ""


def add(
    session: Session,
    topic: Topic,
    number: int,
    verdicts: Sequence[VerdictInForce],
    *,
    now: datetime,
    is_first: bool = False,
) -> None:
    """Store a version and delete those no longer needed. `is_first` skips the search for earlier ones."""
    row = TopicVersionRow(
        topic=topic.name,
        number=number,
        digest=topic.digest,
        why="first seen",
        made_at=now,
        about=_about(topic),
        seeds=[_reference(seed) for seed in topic.seeds],
        verdicts=[[article_id, is_relevant] for article_id, is_relevant in verdicts],
    )
    texts = {_key(each): each for each in topic.seeds}
    if not is_first:
        row.why = _why(_latest(session, topic.name), row)
        for key in session.exec(select(SeedTextRow.key).where(SeedTextRow.topic == topic.name)):
            texts.pop(key, None)
    session.add(row)
    session.add_all(
        SeedTextRow(topic=topic.name, key=key, title=seed.title, text=seed.text) for key, seed in texts.items()
    )
    if not is_first:
        session.flush()
        _delete_unneeded(session, topic.name, newest=number)


def redefine(session: Session, topic: Topic, number: int) -> None:
    """Give a stored version the digest and settings of `topic`, which has another name now and is the same topic."""
    row = session.get(TopicVersionRow, (topic.name, number))
    if row is not None:
        row.digest, row.about = topic.digest, _about(topic)


def is_stored(session: Session, topic: str, digest: str) -> bool:
    """Whether the topic has, or had, a version of this digest."""
    rows = select(TopicVersionRow.number).where(TopicVersionRow.topic == topic, TopicVersionRow.digest == digest)
    return session.exec(rows.limit(1)).first() is not None


def _latest(session: Session, topic: str) -> TopicVersionRow | None:
    rows = select(TopicVersionRow).where(TopicVersionRow.topic == topic)
    return session.exec(rows.order_by(col(TopicVersionRow.number).desc()).limit(1)).first()


def outlines(session: Session, name: str = "") -> list[TopicOutline]:
    """What the topics in force are made of, by the versions in force; of one of them alone where `name` is given."""
    asked = (
        select(TopicVersionRow)
        .join(
            TopicRow, and_(col(TopicRow.name) == TopicVersionRow.topic, col(TopicRow.version) == TopicVersionRow.number)
        )
        .where(col(TopicRow.is_enabled), col(TopicRow.ended_at).is_(None))
        .order_by(col(TopicRow.name))
    )
    asked = asked.where(TopicVersionRow.topic == name) if name else asked
    return [
        replace(
            _topic(each, ()).outline,
            seed_languages=frozenset(seed["language"] for seed in each.seeds if not seed["is_counter"]),
        )
        for each in session.exec(asked)
    ]


def history(session: Session, topic: str) -> list[TopicVersion]:
    """All stored versions of a topic, newest first."""
    matches: dict[int | None, int] = dict(
        session.exec(
            select(MatchRow.topic_version, func.count())
            .where(MatchRow.topic == topic)
            .group_by(col(MatchRow.topic_version))
        ).all()
    )
    rows = session.exec(
        select(TopicVersionRow).where(TopicVersionRow.topic == topic).order_by(col(TopicVersionRow.number).desc())
    )
    return [_version(row, matches.get(row.number, 0)) for row in rows]


def find(session: Session, topic: str, number: int) -> tuple[Topic, list[Example]] | None:
    """The topic and the examples of its verdicts, as of a version; None where that is not stored."""
    row = session.get(TopicVersionRow, (topic, number))
    if row is None:
        return None
    texts = {each.key: each for each in session.exec(select(SeedTextRow).where(SeedTextRow.topic == topic)).all()}
    seeds = tuple(
        Seed(
            file=each["file"],
            title=texts[each["key"]].title,
            text=texts[each["key"]].text,
            language=each["language"],
            is_counter=each["is_counter"],
            weight=each["weight"],
        )
        for each in row.seeds
    )
    return _topic(row, seeds), _examples(session, topic, row.verdicts)


def _examples(session: Session, topic: str, verdicts: Sequence[Sequence[Any]]) -> list[Example]:
    relevance = {int(article_id): bool(is_relevant) for article_id, is_relevant in verdicts}
    rows = session.exec(select(ArticleRow).where(col(ArticleRow.id).in_(relevance)).order_by(col(ArticleRow.id)))
    return [
        Example(topic=topic, title=row.title, text=row.text, language=row.language, is_relevant=relevance[row.id or 0])
        for row in rows
    ]


# --- what a version holds ---------------------------------------------------------------------------------------------


def _about(topic: Topic) -> dict[str, Any]:
    """What topic.toml says that affects matching, by the names that stored versions use."""
    return {
        "title": topic.title,
        "description": topic.description,
        "required": topic.required,
        "excluded": topic.excluded,
        "sensitivity": topic.sensitivity,
        "languages": topic.languages,
    }


def _topic(row: TopicVersionRow, seeds: tuple[Seed, ...]) -> Topic:
    """The topic from `_about` and its seeds."""
    about = row.about
    return Topic(
        name=row.topic,
        title=about["title"],
        seeds=seeds,
        description=about.get("description", ""),
        required=tuple(about.get("required", ())),
        excluded=tuple(about.get("excluded", ())),
        sensitivity=about.get("sensitivity", "balanced"),
        languages=tuple(about.get("languages", ())),
        digest=row.digest,
    )


def _reference(seed: Seed) -> dict[str, Any]:
    return {
        "file": seed.file,
        "key": _key(seed),
        "language": seed.language,
        "is_counter": seed.is_counter,
        "weight": seed.weight,
    }


def _key(seed: Seed) -> str:
    return hashlib.sha256(repr((seed.title, seed.text)).encode(errors="surrogatepass")).hexdigest()[:16]


def _why(before: TopicVersionRow | None, row: TopicVersionRow) -> str:
    """What changed, in words: 'seed added: b.txt; verdicts: 1 confirmed, 1 dismissed'."""
    if before is None:
        return "first seen"
    changes = [*_seed_changes(before, row), *_verdict_changes(before, row)]
    if changed := sorted(
        name
        for name in before.about.keys() | row.about.keys()
        if _plain(before.about.get(name)) != _plain(row.about.get(name))
    ):
        changes.append(f"settings: {', '.join(changed)}")
    return "; ".join(changes) or "settings"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _seed_changes(before: TopicVersionRow, row: TopicVersionRow) -> list[str]:
    old, new = ({each["file"]: each for each in of.seeds} for of in (before, row))
    found = {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }
    return [
        f"{'seed' if len(names) == 1 else 'seeds'} {what}: {some_of(names)}" for what, names in found.items() if names
    ]


def _verdict_changes(before: TopicVersionRow, row: TopicVersionRow) -> list[str]:
    old, new = (dict(of.verdicts) for of in (before, row))
    fresh = [wanted for article, wanted in new.items() if old.get(article) is not wanted]
    if not fresh:
        return ["verdicts let go"] if old != new else []
    counted = Counter("confirmed" if wanted else "dismissed" for wanted in fresh)
    words = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
    return [f"{'verdict' if len(fresh) == 1 else 'verdicts'}: {words}"]


def _version(row: TopicVersionRow, matches: int) -> TopicVersion:
    counters = sum(each["is_counter"] for each in row.seeds)
    confirmed = sum(bool(wanted) for _, wanted in row.verdicts)
    return TopicVersion(
        topic=row.topic,
        number=row.number,
        digest=row.digest,
        why=row.why,
        at=row.made_at,
        seeds=len(row.seeds) - counters,
        counter_seeds=counters,
        confirmed=confirmed,
        dismissed=len(row.verdicts) - confirmed,
        matches=matches,
        verdicts_key=verdicts_key((int(article_id), bool(wanted)) for article_id, wanted in row.verdicts),
    )


def _delete_unneeded(session: Session, topic: str, *, newest: int) -> None:
    made_by = select(MatchRow.topic_version).where(MatchRow.topic == topic, col(MatchRow.topic_version).is_not(None))
    old = (
        col(TopicVersionRow.topic) == topic,
        col(TopicVersionRow.number) <= newest - KEPT,
        col(TopicVersionRow.number).not_in(made_by),
    )
    if not execute(session, delete(TopicVersionRow).where(*old)):
        return
    rows = session.exec(select(TopicVersionRow.seeds).where(TopicVersionRow.topic == topic))
    needed = {each["key"] for seeds in rows for each in seeds}
    unneeded = [
        key for key in session.exec(select(SeedTextRow.key).where(SeedTextRow.topic == topic)) if key not in needed
    ]
    for some in chunks(unneeded):
        is_unneeded = (col(SeedTextRow.topic) == topic, col(SeedTextRow.key).in_(some))
        execute(session, delete(SeedTextRow).where(*is_unneeded))


def sensitivities(session: Session, *, limit: int) -> dict[str, str]:
    """Topic -> sensitivity in its version in force, for enabled topics; at most `limit`, in the order of names."""
    rows = (
        select(TopicRow.name, TopicVersionRow.about)
        .join(
            TopicVersionRow,
            (col(TopicVersionRow.topic) == col(TopicRow.name)) & (col(TopicVersionRow.number) == col(TopicRow.version)),
        )
        .where(col(TopicRow.is_enabled))
        .order_by(col(TopicRow.name))
        .limit(limit)
    )
    return {name: str(about.get("sensitivity", "balanced")) for name, about in session.exec(rows)}


def numbers(session: Session, topics: Iterable[str]) -> Mapping[str, int]:
    """Topic -> version in force, for those of these topics that are stored."""
    rows = session.exec(select(TopicRow.name, TopicRow.version).where(col(TopicRow.name).in_(list(topics))))
    return dict(rows.all())
