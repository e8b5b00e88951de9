"""The three worst things of each topic, of all that its check found. Pure.

A folder of a hundred seeds can have forty-nine warnings, of which forty say the same. Findings of one kind are one thing, told by
the worst of them; of the things of a topic the first three are said, and the rest is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from monitor.topics.lint_context import LintFinding, Severity

MOST = 3
"""Things said of each topic."""
_WORST_FIRST = (
    "wall", "contradiction", "contradicted sentence", "language not followed", "shared seed", "overlap", "too short", "scattered",
    "mixed scripts", "boilerplate", "outlier", "no language", "duplicate", "unlike", "unheard",
)  # fmt: skip
"""Kinds of one severity, by how much they spoil what the topic matches; kinds not named here come in between, as found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line of the check. `kind` groups lines that say the same; `reached` is the share of the threshold, where it counts."""

    severity: Severity
    topic: str
    kind: str
    text: str
    reached: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstOfTopic:
    """What is said of one topic."""

    topic: str
    lines: tuple[tuple[Severity, str], ...]
    rest: int
    """Findings of other kinds, which are not said."""


def of_finding(finding: LintFinding) -> Said:
    """A finding of the lint."""
    reached = finding.score / finding.threshold if finding.score is not None and finding.threshold else 0.0
    return Said(severity=finding.severity, topic=finding.topic, kind=finding.kind, text=str(finding), reached=reached)


def of_line(severity: Severity, line: str, *, root: Path) -> Said:
    """A line that begins with the path of a file or folder, as those on files that cannot be read do."""
    place, _, what = line.partition(": ")
    inside = Path(place.split(":")[0])
    topic = inside.relative_to(root).parts[0] if inside.is_relative_to(root) and inside != root else ""
    return Said(severity=severity, topic=topic, kind=what, text=line)


def worst(said: Iterable[Said]) -> list[WorstOfTopic]:
    """The worst things of each topic, the topic with the most serious first."""
    by_topic: dict[str, list[Said]] = {}
    for each in sorted(said, key=_rank):
        by_topic.setdefault(each.topic, []).append(each)
    return [_of_topic(topic, found) for topic, found in by_topic.items()]


def _rank(said: Said) -> tuple[int, int, str, float]:
    known = said.kind in _WORST_FIRST
    at = _WORST_FIRST.index(said.kind) if known else _WORST_FIRST.index("scattered")
    return list(Severity).index(said.severity), at, said.kind, said.reached


def _of_topic(topic: str, ordered: Sequence[Said]) -> WorstOfTopic:
    things = [list(found) for _, found in groupby(ordered, key=lambda each: (each.severity, each.kind))]
    shown = tuple((found[0].severity, _line(found)) for found in things[:MOST])
    return WorstOfTopic(topic=topic, lines=shown, rest=sum(map(len, things[MOST:])))


def _line(alike: Sequence[Said]) -> str:
    more = len(alike) - 1
    return alike[0].text + (f" (and {more} more like it)" if more else "")


def as_fields(found: Sequence[WorstOfTopic]) -> dict[str, Mapping[str, object]]:
    """By topic, for JSON."""
    return {
        each.topic: {"worst": [f"{severity}: {line}" for severity, line in each.lines], "rest": each.rest}
        for each in found
    }
