"""`monitor matches`: list, show, confirm, dismiss and export matches, and the near misses (`monitor.review`)."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.types.errors import MonitorError

if TYPE_CHECKING:
    from monitor.review.matches import ListedMatch, MatchQuery
    from monitor.review.near_misses import ListedNearMiss
    from monitor.store.db import Database, Session
    from monitor.types.matching import Evidence, MeasuredPrecision

app = typer.Typer(invoke_without_command=True)


LARGEST = 2**31 - 1
"""The largest value of PostgreSQL's INTEGER."""


class MatchFilter(StrEnum):
    """State of a match."""

    NEW = "new"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class Format(StrEnum):
    """Format of an export."""

    JSONL = "jsonl"
    CSV = "csv"


OfTopic = Annotated[str, typer.Option("--topic", "-t", help="Only this topic.")]
InState = Annotated[MatchFilter | None, typer.Option("--state", "-s", help="Only new, confirmed or dismissed ones.")]
Words = Annotated[str, typer.Option("--search", help="Only articles that contain all these words.")]
Since = Annotated[str, typer.Option("--since", help="Only those found since: 2026-11-22, 24h, 7d.")]
FeedOption = Annotated[
    str, typer.Option("--source", help="Only from this feed: its name, or the title that lists show.")
]
Note = Annotated[str, typer.Option("--note", help="Why, as a note for later readers.")]
OfNear = Annotated[bool, typer.Option("--near", help="The ids are those of `matches near`.")]
Ids = Annotated[
    list[int],
    typer.Argument(metavar="ID", min=1, max=LARGEST, help="Ids as `matches list` shows them.", show_default=False),
]


@app.callback()
def matches(ctx: typer.Context) -> None:
    """Matches and verdicts: list, show, confirm, dismiss, export. Without a command: list.

    \b
    Examples:
      monitor matches list --topic moscow-format --state new --since 7d
      monitor matches dismiss 17 --note "another Moscow"
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(
    ctx: typer.Context,
    topic: OfTopic = "",
    state: InState = None,
    search: Words = "",
    since: Since = "",
    source: FeedOption = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="List at most this many.")] = 50,
    copies: Annotated[bool, typer.Option("--copies", help="List copies too.")] = False,
    as_json: base.AsJson = False,
) -> None:
    """List matches, newest first; with --json one a line.

    Copies are named at the article they copy; --copies lists them separately.

    \b
    Example:
      monitor matches list --state new --since 24h
    """
    from monitor.review import matches as review

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db:
        query = replace(_query(db, topic, state, search, since, source, limit), copies=copies)
        with db.reading() as session:
            page = review.list_matches(session, query)
    if as_json:
        base.print_json_lines(review.flat(each) for each in page.matches)
        return
    if not page.matches:
        base.line("no matches")
        return
    columns = (">id", "found (UTC)", "topic", ">score", "state", "source", "title")
    base.table(
        columns,
        (
            (each.id, each.found_at, each.topic, each.score, each.state, each.outlet, each.title)
            for each in page.matches
        ),
    )
    if page.total > len(page.matches):
        cli.say(f"{len(page.matches)} of {page.total}; --limit shows more")


@app.command()
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


@app.command("near")
def near_(
    ctx: typer.Context,
    topic: OfTopic = "",
    state: Annotated[
        MatchFilter, typer.Option("--state", "-s", help="New, confirmed or dismissed ones.")
    ] = MatchFilter.NEW,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="List at most this many.")] = 20,
    as_json: base.AsJson = False,
) -> None:
    """List articles near the threshold to judge, the most instructive first; with --json one a line.

    A sample of articles just below a topic's threshold, which raised no alert, and matches without a verdict. The topic learns
    from each verdict at once: confirm --near or dismiss --near for a near miss, confirm or dismiss for a match, as the first
    column says. `monitor evaluate` estimates from near misses how much is missed. With --state, only near misses that were judged.

    \b
    Examples:
      monitor matches near --topic moscow-format
      monitor matches confirm --near 3 8
    """
    from monitor.review import near_misses

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db:
        _query(db, topic, None, "", "", "")
        with db.reading() as session:
            if state is MatchFilter.NEW:
                found = near_misses.list_questions(session, topic=topic, limit=limit, now=cli.now())
            else:
                found = near_misses.list_near_misses(session, topic=topic, state=state, limit=limit)
    if as_json:
        base.print_json_lines(near_misses.flat(each) for each in found)
        return
    if not found:
        base.line("no near misses" if state is MatchFilter.NEW else f"no near misses {state}")
        return
    columns = (">id", "found (UTC)", "topic", ">score", ">threshold", ">stands for", "state", "source", "title")
    base.table(
        columns,
        (
            (
                *(
                    each.id if each.is_match else f"--near {each.id}",
                    each.found_at,
                    each.topic,
                    each.score,
                    each.threshold,
                ),
                *(f"{each.stands_for:.0f}", each.state, each.source, each.title),
            )
            for each in found
        ),
    )


def _source(match: ListedMatch) -> str:
    name = match.outlet if match.outlet == match.source else f"{match.outlet} ({match.source})"
    return f"{name}, {match.wire} copy" if match.wire else name


@app.command()
def confirm(
    ctx: typer.Context,
    ids: Ids,
    note: Note = "",
    as_seed: Annotated[bool, typer.Option("--as-seed", help="Also write the article into the topic's folder.")] = False,
    near: OfNear = False,
) -> None:
    """Mark matches as wanted; the topic learns from it.

    \b
    Examples:
      monitor matches confirm 12 15 16
      monitor matches confirm 12 --as-seed
    """
    _judge(ctx, ids, is_relevant=True, note=note, as_seed=as_seed, near=near)


@app.command()
def dismiss(
    ctx: typer.Context,
    ids: Ids,
    note: Note = "",
    as_seed: Annotated[bool, typer.Option("--as-seed", help="Also write the article into the topic's not/.")] = False,
    near: OfNear = False,
) -> None:
    """Mark matches as not wanted; the topic learns from it.

    \b
    Examples:
      monitor matches dismiss 17 --note "a namesake"
      monitor matches dismiss 17 --as-seed
    """
    _judge(ctx, ids, is_relevant=False, note=note, as_seed=as_seed, near=near)


def _judge(ctx: typer.Context, ids: Iterable[int], *, is_relevant: bool, note: str, as_seed: bool, near: bool) -> None:
    from monitor.learning.verdict_effects import VerdictEffects
    from monitor.review import matches as review
    from monitor.review import near_misses

    cli = base.cli_of(ctx)
    cli.log()
    missing = []
    unwritten = []
    effects = VerdictEffects(cli.settings.seeds.dir)
    verb = near_misses.judge if near else review.judge
    what = "near miss" if near else "match"
    with base.opened(cli.settings) as db:
        for id in dict.fromkeys(ids):
            with db.writing() as session:
                match = verb(session, id, is_relevant=is_relevant, by=user(), note=note[:2000], now=cli.now())
            if match is None:
                missing.append(id)
            else:
                base.line(f"{match.state} {id}: {match.topic}: {match.title}")
                if effect := effects.compute(db, match.article_id, match.topic):
                    base.line(f"  {effect}")
            if match is not None and as_seed:
                unwritten += _as_seed(cli, db, match, is_counter=not is_relevant)
    if missing:
        raise base.NotFoundError(f"there is no {what} {', '.join(map(str, missing))}")
    if unwritten:
        raise MonitorError("\n".join(["the verdict is stored, but no seed was written:", *unwritten]))


def _as_seed(cli: base.Cli, db: Database, match: ListedMatch | ListedNearMiss, *, is_counter: bool) -> list[str]:
    """Write the article of a match into its topic's folder. Returns the errors."""
    from monitor.review.seeds import make_seed
    from monitor.topics.seed_writer import SeedFileError

    try:
        with db.reading() as session:
            written = make_seed(
                session, match.article_id, match.topic, root=cli.settings.seeds.dir, is_counter=is_counter
            )
    except SeedFileError as error:
        return [str(error)]
    if written:
        base.line(f"{'written' if written.is_new else 'there already'}: {written.path}")
    return []


def user() -> str:
    """The name of the current user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "cli"


def _query(
    db: Database, topic: str, state: MatchFilter | None, search: str, since: str, source: str, limit: int = 50
) -> MatchQuery:
    from monitor.review.matches import MatchQuery
    from monitor.store import topics

    if topic:
        with db.reading() as session:
            known = topics.titles(session)
        if topic not in known:
            raise base.no_such("topic", topic, known, hint="`monitor topics` lists them")
    sources: tuple[str, ...] = ()
    if source:
        with db.reading() as session:
            sources = _feeds_called(session, source)
    return MatchQuery(
        topic=topic,
        state=state or "",
        words=search,
        sources=sources,
        since_at=base.parse_moment(since) if since else None,
        limit=limit,
    )


def _feeds_called(session: Session, source: str) -> tuple[str, ...]:
    """The feeds of this name, else all of this title: some papers have several feeds under one."""
    from monitor.store.feeds import feed_reports

    rows = feed_reports.of_all(session)
    wanted = source.strip().casefold()
    found = tuple(each.name for each in rows if each.name == source.strip())
    found = found or tuple(
        each.name for each in rows if wanted in (each.name.casefold(), each.title.strip().casefold())
    )
    if not found or not wanted:
        known = {name for each in rows for name in (each.name, each.title) if name}
        raise base.no_such("feed", source, known, hint="`monitor feeds` lists them")
    return found


# --- export -----------------------------------------------------------------------------------------------------------


@app.command()
def export(
    ctx: typer.Context,
    format: Annotated[Format, typer.Option("--format", "-f", help="JSON lines or CSV.")] = Format.JSONL,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; - is stdout.")] = Path("-"),
    topic: OfTopic = "",
    state: InState = None,
    search: Words = "",
    since: Since = "",
    source: FeedOption = "",
) -> None:
    """Export matches as JSON lines or CSV.

    Each with evidence and verdict. CSV cells that a spreadsheet would run as a formula get a ' in front.

    \b
    Example:
      monitor matches export --format csv --state confirmed --out confirmed.csv
    """
    from monitor.review import matches as review

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session, base.progress(cli) as bar:
        query = _query(db, topic, state, search, since, source)
        total = review.list_matches(session, query).total
        rows = bar.track(review.export(session, query), total=total, description="exporting")
        with base.atomic_file(out) as file:
            write = _write_csv if format is Format.CSV else _write_lines
            write(file, rows)
    if str(out) != "-":
        cli.say(f"{total} matches written to {out}")


def _write_lines(file: IO[str], rows: Iterable[Mapping[str, Any]]) -> None:
    file.writelines(f"{base.as_json(row)}\n" for row in rows)


def _write_csv(file: IO[str], rows: Iterable[Mapping[str, Any]]) -> None:
    from monitor.review import exports

    file.writelines(exports.csv_lines(rows))
