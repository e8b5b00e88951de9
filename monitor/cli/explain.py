"""`monitor explain`: the record of a stored article, or the scores of one that is fetched for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.alerts.record import show_deliveries
from monitor.cli.matches.record import evidence_rows, likely, show_change
from monitor.cli.models import load_matcher, load_topics, scores_of
from monitor.text import urls
from monitor.text.tokens import word_count
from monitor.types.errors import FetchError, ParseError
from monitor.types.matching import Article, Evidence, Grade, Reason, Score

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.config.settings import Settings
    from monitor.matching.matcher import Matcher
    from monitor.review.alerts import AlertRecord
    from monitor.review.articles import ArticleRecord
    from monitor.service.app import App

_TEXT_SHOWN = 600


def explain(
    ctx: typer.Context,
    asked: Annotated[str, typer.Argument(metavar="URL|ID", help="An address, or an article's number.")],
    as_json: base.AsJson = False,
) -> None:
    """Everything about one article, and why.

    Its kind and story, scores, decision with reason, alerts, verdicts. An unknown address is fetched and scored, but
    not stored. Exits with 3 where the article can be neither found nor fetched.

    \b
    Examples:
      monitor explain 4711
      monitor explain https://example.org/news/1 --json
    """
    cli = base.cli_of(ctx)
    cli.log()
    record = _record(cli.settings, asked)
    if record:
        base.print_json({"is_stored": True, **_record_fields(record)}) if as_json else _show(record)
        return
    if asked.isascii() and asked.isdigit():
        raise base.NotFoundError(f"there is no article {asked}; `monitor explain URL` takes an address too")
    unstored = _fetch_unstored(cli, asked)
    base.print_json(_unstored_fields(unstored)) if as_json else _show_unstored(unstored)


def _record(settings: Settings, asked: str) -> ArticleRecord | None:
    """The record of the article; None where it is not stored or there is no store yet."""
    try:
        with base.opened(settings) as db, db.reading() as session:
            from monitor.review import articles

            found = articles.find_article(session, asked)
            return articles.find_record(session, found) if found is not None else None
    except base.NotFoundError:
        return None


# --- a stored article -------------------------------------------------------------------------------------------------


def _record_fields(record: ArticleRecord) -> dict[str, Any]:
    from monitor.review.matches import flat

    fields = {name: getattr(record, name) for name in record.__slots__}
    return fields | {"hits": [flat(match) for match in record.hits]}


def _show(record: ArticleRecord) -> None:
    of = "article" if record.kind == "joins" else "of article"
    relation = record.kind if record.of_article_id is None else f"{record.kind} {of} {record.of_article_id}"
    base.facts(
        [
            ("article", record.id),
            ("title", record.title),
            ("url", record.url),
            ("source", record.outlet if record.outlet == record.source else f"{record.outlet} ({record.source})"),
            ("agency", record.wire),
            ("feeds", record.feeds),
            ("author", record.author),
            ("language", record.language),
            ("text", _extent(record.grade, record.text)),
            ("from", record.page or "its feed"),
            ("published (UTC)", record.published_at),
            ("seen (UTC)", record.seen_at),
            ("is", relation + (f": {record.why}" if record.why else "")),
            ("story", record.story_id),
            ("decision", f"{record.decision_id}: {record.reason} ({base.when(record.decided_at)} UTC)"),
            ("is assessed again", f"it waits for {'; '.join(record.waits_for)}" if record.waits_for else ""),
        ]
    )
    _show_decisions(record)
    if record.scores:
        base.heading("Scores when it was decided")
        base.table(("topic", ">score", ">threshold", "verdict"), map(_score_row, record.scores))
    for match in record.hits:
        base.heading(f"Match {match.id}: {match.topic_title} ({match.state})")
        base.facts([("likely", likely(match.probability, match.measured))])
        base.facts(evidence_rows(match.evidence, match.score))
    if record.carried:
        base.heading("The rest of its story")
        base.table((">article", "source", "title", "is"), record.carried)
    for told in record.told:
        topics = ", ".join(told.topics)
        base.heading(f"Alert {told.alert_id}: {topics} {told.kind}, {base.when(told.created_at)} UTC")
        base.line(_told_by(told))
        show_deliveries(told.deliveries)
    _show_history(record)


def _show_decisions(record: ArticleRecord) -> None:
    """Every decision on the article, where there is more than the one that stands."""
    if len(record.decisions) == 1:
        return
    base.heading(f"Decided {len(record.decisions)} times; the last decision stands")
    base.table(
        (">decision", "at (UTC)", "made by", "feed", "topics", "reason"),
        (
            (
                *(each["id"], each["at"], each["cause"], each["feed"]),
                *(", ".join(map(_topic_score, each["topics"])), each["reason"]),
            )
            for each in record.decisions
        ),
    )


def _topic_score(topic: Mapping[str, Any]) -> str:
    return f"{topic['topic']} {topic['score']:.3f}" + (" told" if topic["is_alert"] else "")


def _told_by(told: AlertRecord) -> str:
    """The decisions that an alert was told by: `told by decision 12`; of one with topics that were added later several."""
    numbers = sorted({each for each in told.decisions.values() if each is not None})
    if not numbers:
        return "told by a decision that is not known any more"
    return f"told by decision{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def _score_row(score: Mapping[str, Any]) -> tuple[object, ...]:
    blocked = score.get("blocked")
    verdict = _verdict(score["matched"], blocked and Reason[blocked])
    if 0 < score.get("lesson", 0.0) < 1:
        verdict += "; used in part for self-training"
    return score["topic"], round(score["score"], 6), round(score["threshold"], 6), verdict


def _verdict(is_match: bool, blocked: Reason | None) -> str:
    return blocked.value if blocked else "match" if is_match else "below"


def _show_history(record: ArticleRecord) -> None:
    if record.verdicts:
        base.heading("Verdicts")
        for each in record.verdicts:
            said = "confirmed" if each["is_relevant"] else "dismissed"
            said = "withdrawn" if each["is_withdrawn"] else said
            note = f": {each['note']}" if each["note"] else ""
            base.line(f"{base.when(each['at'])} UTC  {each['topic']} {said} by {each['by']}{note}")
    if record.revisions:
        base.heading("Earlier versions")
        for each in record.revisions:
            material = "facts changed" if each["is_material"] else "wording only"
            base.line(f"until {base.when(each['replaced_at'])} UTC  {each['title']} ({material}; {each['why']})")
            show_change(each["went"], each["came"])


# --- an unknown address -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unstored:
    """An article that is not stored, with its scores."""

    url: str
    article: Article
    scores: tuple[Score, ...]
    evidence: Mapping[str, Evidence]


def _fetch_unstored(cli: base.Cli, asked: str) -> _Unstored:
    from monitor.service.app import App

    try:
        urls.check(asked)
    except ValueError as error:
        raise base.NotFoundError(f"neither an article's number nor a valid address: {error}") from None
    cli.say("not in the store: fetching it now, storing nothing")
    app = App(cli.settings)
    try:
        with base.spinner(cli, "fetching"):
            article = asyncio.run(_fetch_and_close(app, asked, now=cli.now()))
    except (FetchError, ParseError) as error:
        raise base.NotFoundError(f"not in the store, and it could not be fetched: {error}") from error
    shelf = load_topics(cli)
    matcher = load_matcher(cli.settings, shelf)
    found = scores_of(cli.settings, shelf.topics, article, matcher)
    scores = tuple(sorted(found, key=_nearest_first))
    return _Unstored(url=asked, article=article, scores=scores, evidence=_evidence(matcher, article, scores))


def _nearest_first(score: Score) -> float:
    from monitor.matching.margins import shortfall

    return shortfall(score.score, score.threshold)


def _evidence(matcher: Matcher, article: Article, scores: Iterable[Score]) -> dict[str, Evidence]:
    """The evidence of all topics that matched, else of the nearest, by topic."""
    ordered = list(scores)
    wanted = [each for each in ordered if each.is_match or each.blocked] or ordered[:1]
    return {
        each.topic: each.evidence
        if each.evidence.parts
        else matcher.evidence(each.topic, article.title, article.text, article.language)
        for each in wanted
    }


async def _fetch_and_close(app: App, url: str, *, now: datetime) -> Article:
    try:
        return await fetch_article(app, url, now=now)
    finally:
        await app.aclose()


async def fetch_article(app: App, url: str, *, now: datetime) -> Article:
    """The article at an address, fetched and read as feeds and pages are, by their address policy."""
    from monitor.polling import single

    try:
        return await single.fetch_article(app.fetcher, app.workers, url, policy=app.feed_policy, now=now)
    except FetchError as error:
        if error.code != "no article":
            raise
        raise base.NotFoundError(f"not in the store, and {error}") from error


def _unstored_fields(unstored: _Unstored) -> dict[str, Any]:
    article = unstored.article
    return {
        "is_stored": False,
        "url": unstored.url,
        "final_url": article.url,
        "title": article.title,
        "text": article.text,
        "language": article.language,
        "grade": article.grade,
        "scores": [
            {
                "topic": each.topic,
                "score": each.score,
                "threshold": each.threshold,
                "probability": each.probability,
                "precision": each.measured,
                "matched": each.is_match and article.grade is not Grade.WALL,
                "blocked": blocked.name if (blocked := _blocked(article, each)) else None,
            }
            for each in unstored.scores
        ],
        "evidence": unstored.evidence,
    }


def _blocked(article: Article, score: Score) -> Reason | None:
    """Why the score is no match: a rule of the topic, or a consent or paywall page, which never matches."""
    return Reason.WALL if article.grade is Grade.WALL else score.blocked


def _show_unstored(unstored: _Unstored) -> None:
    article = unstored.article
    text = article.text[:_TEXT_SHOWN] + ("…" if len(article.text) > _TEXT_SHOWN else "")
    base.line("Not in the store; fetched now and not stored.")
    base.facts(
        [
            ("title", article.title),
            ("url", article.url),
            ("language", article.language),
            ("text", _extent(article.grade, article.text)),
            ("begins", " ".join(text.split())),
        ]
    )
    if article.grade is Grade.WALL:
        base.line(f"Nothing can match: {Reason.WALL.value}. The scores below are those of its title.")
    if not unstored.scores:
        base.line("no topic is defined")
        return
    base.table(
        ("topic", ">score", ">threshold", "verdict", "likely"),
        (
            (
                *(each.topic, each.score, each.threshold, _verdict(each.is_match, _blocked(article, each))),
                likely(each.probability, each.measured),
            )
            for each in unstored.scores
        ),
    )
    reached = {each.topic: each.score for each in unstored.scores}
    for topic, evidence in unstored.evidence.items():
        base.heading(f"Evidence for {topic}")
        base.facts(evidence_rows(evidence, reached[topic]))


def _extent(grade: str, text: str) -> str:
    """How much of an article could be read."""
    words = word_count(text)
    return f"{grade}, {words} word{'' if words == 1 else 's'}"
