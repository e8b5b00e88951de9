"""Lint for topics: finds seeds and topics that load, but probably do not do what their owner intends.

Checks texts (duplicates, walls, boilerplate, mixed scripts), seeds unlike the others, overlapping topics, and topics that nothing
in the archive comes near. Files that cannot be read are reported by `topics.seeds`. Reads no file and no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monitor.matching.background import Background
from monitor.topics import lint_compared, lint_texts
from monitor.topics.lint_context import (
    Archived,
    LintContext,
    LintFinding,
    SeedRecall,
    Severity,
)
from monitor.topics.lint_scores import KnownEmbeddings
from monitor.types.matching import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """All findings on a set of topics, the most serious first."""

    findings: tuple[LintFinding, ...] = ()
    recall: Mapping[str, SeedRecall] = field(default_factory=dict)
    """By topic; topics with a single seed have none."""


def lint(
    topics: Sequence[Topic],
    *,
    root: Path,
    background: Background,
    archive: Sequence[Archived] = (),
    to_sentence: Mapping[str, Iterable[tuple[str, float]]] | None = None,
    embeddings: KnownEmbeddings | None = None,
    has_embedder: bool = False,
) -> LintReport:
    """Check every topic by itself, then all topics against each other and against the archive's latest articles.

    `to_sentence`: by topic, the files of its seeds with their semantic similarity to its sentence, where embeddings are stored.
    `embeddings`: what is stored of seeds and articles, so that scores are those of meaning. `has_embedder`: whether articles are
    compared by meaning, also where nothing is embedded yet.
    """
    ctx = LintContext(topics, root, background, archive, embeddings, has_embedder=has_embedder)
    recall: dict[str, SeedRecall] = {}
    found: list[LintFinding] = []
    for topic in topics:
        found += lint_texts.findings(ctx, topic, to_sentence=(to_sentence or {}).get(topic.name, ()))
        found += lint_compared.outliers(ctx, topic, recall)
    found += lint_compared.findings(ctx)
    order = list(Severity)
    return LintReport(findings=tuple(sorted(found, key=lambda each: order.index(each.severity))), recall=recall)
