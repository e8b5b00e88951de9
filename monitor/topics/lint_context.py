"""What lint says, and what its checks share: the input, and what several of them compute, computed once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from monitor.matching.background import Background
from monitor.stories.fingerprint import Shingles
from monitor.topics.lint_scores import KnownEmbeddings, LintScores
from monitor.types.matching import Score, Seed, Topic

NEAR_DUPLICATE = 0.8
"""From this share of common word runs two seeds are versions of one article."""


class Severity(StrEnum):
    """How serious a finding is."""

    FAULT = "fault"
    """Something is left out, or makes the topic match what is not wanted."""
    WARNING = "warning"
    """It works, but should be checked."""
    REMARK = "remark"
    """Worth knowing; nothing to mend if it is intended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """One problem or remark. `kind` is a short stable label for programs."""

    severity: Severity
    kind: str
    topic: str
    file: str
    """The seed's path, or the topic's folder where the finding is about the whole topic."""
    what: str
    mend: str
    score: float | None = None
    threshold: float | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.what}: {self.mend}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRecall:
    """How many of a topic's seeds would be matched by the others."""

    found: int
    of: int


Archived = tuple[str, str, str]
"""An archived article: title, beginning of the text, language."""


class LintContext:
    """The input of all checks, and what several of them compute, computed once."""

    def __init__(
        self,
        topics: Sequence[Topic],
        root: Path,
        background: Background,
        archive: Sequence[Archived],
        embeddings: KnownEmbeddings | None,
        *,
        has_embedder: bool,
    ) -> None:
        self.topics, self.root, self.background, self.archive = topics, root, background, archive
        self.embeddings, self.has_embedder = embeddings, has_embedder
        self._shingles: dict[str, Shingles] = {}

    def place(self, topic: Topic, seed: Seed | None = None) -> str:
        folder = self.root / topic.name
        return str(folder / seed.file if seed else folder)

    def shingles(self, seed: Seed) -> Shingles:
        text = seed.text or seed.title
        if text not in self._shingles:
            self._shingles[text] = Shingles(text)
        return self._shingles[text]

    def finding(
        self,
        severity: Severity,
        kind: str,
        topic: Topic,
        seed: Seed | None,
        what: str,
        mend: str,
        score: Score | None = None,
    ) -> LintFinding:
        return LintFinding(
            severity=severity,
            kind=kind,
            topic=topic.name,
            file=self.place(topic, seed),
            what=what,
            mend=mend,
            score=round(score.score, 4) if score else None,
            threshold=round(score.threshold, 4) if score else None,
        )

    @cached_property
    def scores(self) -> LintScores:
        """The scores on all topics, without their rules, disabled ones included."""
        return self.scores_on(self.topics)

    def scores_on(self, topics: Sequence[Topic]) -> LintScores:
        return LintScores([without_rules(each) for each in topics], self.background, self.embeddings)

    @cached_property
    def archived(self) -> list[Shingles]:
        return [Shingles(text) for _, text, _ in self.archive if text]


def are_near(first: Shingles, second: Shingles) -> bool:
    """Whether two seeds are versions of one article."""
    shorter, longer = sorted((len(first.distinct), len(second.distinct)))
    # a few lines that occur in a long article are a passage of it, not a duplicate
    return shorter > 0 and longer < 4 * shorter and first.containment(second) >= NEAR_DUPLICATE


def wanted(topic: Topic) -> list[Seed]:
    """Its seeds without counter-seeds."""
    return [each for each in topic.seeds if not each.is_counter]


def without_rules(topic: Topic) -> Topic:
    """The topic enabled and without rules (terms, languages), so that scores depend on its seeds alone."""
    return replace(topic, is_enabled=True, required=(), excluded=(), languages=())
