"""A stored version of a topic beside what its folder says now, as the page of the topic shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.store import versions
from monitor.store.db import Session
from monitor.types.matching import Seed, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A version beside what the folder says now."""

    number: int
    settings: Sequence[tuple[str, str, str]]
    """Name, then, now; of those that differ."""
    added: Sequence[str]
    removed: Sequence[str]
    """Seeds by their files: those that came since, and those that are gone."""

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not (self.settings or self.added or self.removed)


def compare_with(session: Session, name: str, number: str, topic: Topic | None) -> Compared | None:
    """The version of this number beside the topic as it is; None where there is none of either."""
    if topic is None or not re.fullmatch("[0-9]{1,9}", number):
        return None
    found = versions.find(session, name, int(number))
    if found is None:
        return None
    then = found[0]
    names = ("title", "description", "sensitivity", "required", "excluded", "languages")
    old, new = ({_text_of(each): each.file for each in of.seeds} for of in (then, topic))
    return Compared(
        number=int(number),
        settings=[
            (each, _plain_value(getattr(then, each)), _plain_value(getattr(topic, each)))
            for each in names
            if _plain_value(getattr(then, each)) != _plain_value(getattr(topic, each))
        ],
        added=[file for text, file in new.items() if text not in old],
        removed=[file for text, file in old.items() if text not in new],
    )


def _text_of(seed: Seed) -> tuple[str, str, bool]:
    return seed.title, seed.text, seed.is_counter


def _plain_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
