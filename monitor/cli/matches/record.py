"""`monitor matches show`: one match with its evidence, and how evidence is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.cli.matches.options import LARGEST

if TYPE_CHECKING:
    from monitor.review.matches import ListedMatch
    from monitor.types.matching import Evidence, MeasuredPrecision


def show(
    ctx: typer.Context,
    id: Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST, help="Id of the match.", show_default=False)],
    as_json: base.AsJson = False,
) -> None:
    """Show one match with its evidence.

    \b
    Example:
      monitor matches show 17
    """
    from monitor.review import matches as review
    from monitor.review import revisions

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        match = review.find_match(session, id)
        versions = revisions.of_article(session, match.article_id) if match else ()
    if match is None:
        raise base.NotFoundError(f"there is no match {id}; `monitor matches list` shows them")
    if as_json:
        base.print_json(review.flat(match) | {"versions": [asdict(each) for each in versions]})
    else:
        show_match(match)
        for each in versions:
            base.heading(f"Changed {base.when(each.replaced_at)} UTC: {each.why}")
            show_change(each.went, each.came)
        base.line(f"\nThe whole record: monitor explain {match.article_id}".strip())


def show_match(match: ListedMatch) -> None:
    """Print a match with its evidence."""
    base.facts(
        [
            ("match", match.id),
            ("topic", f"{match.topic_title} ({match.topic})"),
            ("title", match.title),
            ("source", _source(match)),
            ("url", match.url),
            ("published", base.when(match.published_at) + " UTC"),
            ("score", f"{match.score:.3f} (threshold {match.threshold:.3f})"),
            ("likely", likely(match.probability, match.measured)),
            *evidence_rows(match.evidence, match.score),
            ("also carried by", match.also),
            ("state", match.state),
            ("decision", match.reason),
            ("decided by", _decided_by(match)),
            ("matched by", f"{match.topic}@{match.topic_version}" if match.topic_version else ""),
        ]
    )


def evidence_rows(evidence: Evidence, score: float) -> list[tuple[str, object]]:
    """What a score is made of, the words that decided, the key sentence and the nearest seed, as rows of facts."""
    from monitor.matching.evidence import shown_parts, shown_words

    whose = "its seed" if evidence.seed else "the topic's sentence"
    return [
        ("made of", [f"{name} {value:.2f}" for name, value in shown_parts(evidence, score)]),
        ("words that decided", [f"{word} {share}%" for word, share in shown_words(evidence)]),
        ("key sentence", evidence.sentence),
        ("nearest seed", f"{evidence.seed} (likeness {evidence.seed_similarity:.2f})" if evidence.seed else ""),
        ("compared", f"across languages, by meaning: {whose} is in {evidence.across}" if evidence.across else ""),
    ]


def _decided_by(match: ListedMatch) -> str:
    """The decision whose score is shown, and how many there were: `arrival, 2026-11-29 10:00 UTC; decided 3 times`."""
    if match.decided_at is None:
        return ""
    times = f"; its article was decided {match.decisions} times" if match.decisions > 1 else ""
    return f"{match.cause}, {base.when(match.decided_at)} UTC{times}"


def show_change(went: Iterable[str], came: Iterable[str]) -> None:
    """Print the sentences that a newer version removed (-) and added (+)."""
    for each in went:
        base.line(f"  - {each}")
    for each in came:
        base.line(f"  + {each}")


def likely(probability: float | None, measured: MeasuredPrecision | None) -> str:
    """The calibrated percentage with the topic's measured precision, or that there is none yet."""
    from monitor.matching.reliability import describe

    return "not calibrated yet" if probability is None else describe(probability, measured)


def _source(match: ListedMatch) -> str:
    name = match.outlet if match.outlet == match.source else f"{match.outlet} ({match.source})"
    return f"{name}, {match.wire} copy" if match.wire else name
