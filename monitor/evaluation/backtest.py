"""Run topics over given or stored articles, as if these had just arrived, in order.

A backtest uses the same matching, copy detection and decision code as a poll, on a temporary store in memory, without feeds and
deliveries: its answers are what the daemon would have done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from monitor.learning.multilingual import Multilingual, SemanticScorer
from monitor.learning.tracker import Tracker
from monitor.learning.training import build_matcher
from monitor.matching.background import mark, next_mark
from monitor.matching.matcher import Matcher
from monitor.polling.assess import assess, confirm_stored
from monitor.polling.intake import file_articles
from monitor.polling.values import AlertingContext, AssessedArticle, FiledArticle
from monitor.reading.markup import html_to_text
from monitor.store import archive, migrate
from monitor.store.db import Database, Session
from monitor.text.language import detect
from monitor.text.tokens import clean, plain_line
from monitor.types.matching import Article, Grade, Reason, Score, Topic
from monitor.types.stories import Arrival

REPLAY_BATCH = 200
"""Articles per transaction."""
_TEXT_CHARACTERS = 200_000
_KEYS = ("id", "url", "title", "summary", "text", "published", "language", "source")


@dataclass(frozen=True, slots=True)
class Line:
    """One article to assess, with the id that its owner gave it."""

    id: Any
    article: Article
    poll_key: Any = None
    """A value that articles of one poll have in common, if known: they are assessed together."""
    is_archived: bool = False
    """Whether it is an article of the store, whose times are known; of a file's article only the date of publication is."""
    held: Reason | None = None
    """Why the daemon held it back, if it did: that does not depend on topics."""


_CLOCKS_DIFFER_BY = timedelta(days=1)


class BadLineError(ValueError):
    """A line that cannot be read as an article, with the reason."""


def parse(raw: str, *, last_at: datetime | None, start_at: datetime) -> Line:
    """Parse one line of JSON as an article that arrives when it was published, but never before `last_at`, the arrival of the one
    before it.

    The first article may have any date; without one it arrives at `start_at` (now). A later article dated more than a day in the
    future counts as published at `last_at`.

    Raises BadLineError. `id` and `title` are required; `published` is ISO 8601, UTC if it has no offset.
    """
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadLineError(f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadLineError("not a JSON object")
    if not isinstance(fields.get("id"), str | int) or isinstance(fields.get("id"), bool):
        raise BadLineError('needs an "id", a string or a number')
    for key in _KEYS[1:]:
        if not isinstance(fields.get(key), str | None):
            raise BadLineError(f'"{key}" must be a string')
    if not (fields.get("title") or "").strip():
        raise BadLineError('needs a "title"')
    published_at = _published_at(fields.get("published"), last_at or start_at)
    if last_at and last_at <= start_at < published_at - _CLOCKS_DIFFER_BY:
        published_at = last_at  # as in the daemon; else one wrong date would move all later lines into its year
    return Line(fields["id"], _article(fields, published_at, max(published_at, last_at or published_at)))


def _published_at(value: str | None, otherwise_at: datetime) -> datetime:
    if not value:
        return otherwise_at
    try:
        at = datetime.fromisoformat(value)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadLineError(f'"published" is not an ISO 8601 date: {value[:40]!r}') from None
    if not 1900 <= at.year <= 2200:
        raise BadLineError(f'"published" lies in the year {at.year}')
    return at


def _article(fields: dict[str, Any], published_at: datetime, seen_at: datetime) -> Article:
    title = plain_line(fields["title"], limit=1000)
    text = _plain(fields.get("text") or fields.get("summary") or "")
    return Article(
        guid=str(fields["id"]),
        url=(fields.get("url") or "").strip(),
        title=title,
        text=text,
        language=detect(f"{title}. {text[:2000]}", fields.get("language")),
        published_at=published_at,
        seen_at=seen_at,
        source=clean(fields.get("source") or "", limit=200),
        grade=Grade.FULL if len(text) > 1000 else Grade.PARTIAL if text else Grade.HEADLINE,
    )


def _plain(text: str) -> str:
    is_markup = "</" in text or "<br" in text or "<p>" in text
    return clean(html_to_text(text) if is_markup else text, limit=_TEXT_CHARACTERS)


def read_lines(lines: Iterable[str], *, start_at: datetime, on_bad: Callable[[int, str], None]) -> Iterator[Line]:
    """Read articles from lines of JSON; a bad line is reported with its number, from 1, and skipped."""
    last_at: datetime | None = None
    seen: set[Any] = set()
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            line = parse(raw, last_at=last_at, start_at=start_at)
            if line.id in seen:
                raise BadLineError(f"the id {line.id!r} was used by an earlier line")
        except BadLineError as error:
            on_bad(number, str(error))
            continue
        seen.add(line.id)
        last_at = line.article.seen_at
        yield line


def archived_lines(session: Session) -> Iterator[Line]:
    """Read every article of the archive, in the order in which they were decided on."""
    return (_line(article_id, article, held) for article_id, article, held in archive.articles(session))


def archived_line(session: Session, article_id: int) -> Line | None:
    """Read one article of the archive; None if it is not there."""
    article = archive.article(session, article_id)
    return _line(article_id, article) if article else None


def _line(article_id: int, article: Article, held: Reason | None = None) -> Line:
    return Line(article_id, article, poll_key=(article.source, article.seen_at), is_archived=True, held=held)


def arrived_within(lines: Iterable[Line], *, since_at: datetime | None, until_at: datetime | None) -> Iterator[Line]:
    """Keep the articles that arrived from `since_at` on and before `until_at`."""
    for line in lines:
        at = line.article.seen_at
        if (since_at is None or at >= since_at) and (until_at is None or at < until_at):
            yield line


@dataclass(frozen=True, slots=True)
class Replayed:
    """One article as it was assessed and filed. Stories and articles are named by the ids of their lines."""

    line: Line
    scores: tuple[Score, ...]
    """The scores of all topics."""
    filed: FiledArticle
    names: Names
    of_line_id: Any

    @property
    def story(self) -> Any:
        """The story as known so far: a small one may be merged into another later."""
        return self.names.story(self.filed.story_id)


class Names:
    """Maps articles and stories of the temporary store to the ids of their lines."""

    def __init__(self) -> None:
        self.line_ids: dict[int, Any] = {}
        self._merged_into: dict[int, int] = {}

    def learn(self, line: Line, filed: FiledArticle) -> None:
        """Record one filed article; call it for each."""
        self.line_ids.setdefault(filed.article_id, line.id)
        self._merged_into |= dict.fromkeys(filed.merged_stories, filed.story_id)

    def story(self, story_id: int) -> Any:
        """Return the line id of the article that opened the story, or the story that it was merged into."""
        return self.line_ids[self.number(story_id)]

    def number(self, story_id: int) -> int:
        """Return the story, or the one that it was merged into."""
        while story_id in self._merged_into:
            story_id = self._merged_into[story_id]
        return story_id


def run(
    lines: Iterable[Line],
    matcher: Matcher,
    topics: Sequence[Topic],
    *,
    all_scores: bool = False,
    across: Multilingual | None = None,
    vectors_in: Database | None = None,
) -> Iterator[dict[str, Any]]:
    """Return one answer per line, in order: topics, story, kind, of, alert, reason.

    The answers come after the last line was read, as a story may be merged into another until then.
    """
    replayed = replay(lines, matcher, topics, across=across, vectors_in=vectors_in)
    answers = [(_answer(each, all_scores), each.filed.story_id, each.names) for each in replayed]
    for answer, story_id, names in answers:
        yield answer | {"story": names.story(story_id)}


def replay(
    lines: Iterable[Line],
    matcher: Matcher,
    topics: Sequence[Topic],
    *,
    across: Multilingual | None = None,
    vectors_in: Database | None = None,
) -> Iterator[Replayed]:
    """Assess and file every article in order, as the daemon would have.

    Topics train themselves and learn the background from these articles alone, as the daemon's do from theirs. With `across`,
    topics are matched across languages too; embeddings in `vectors_in` are reused.
    """
    db = Database("sqlite://")
    try:
        migrate.upgrade(db)
        names = Names()
        context = AlertingContext(topics={topic.name: topic for topic in topics}, is_searched=False)
        tracker, seen, pending = Tracker(matcher), 0, _PeekableLines(lines)
        if across:
            across.renew(db, topics, is_patient=True)
        # a batch ends where the daemon would read the archive again, too
        while batch := _batch(pending, min(REPLAY_BATCH, next_mark(seen) - seen)):
            semantic = across.scorer_blocking(db, [line.article for line in batch], vectors_in) if across else None
            for poll in _polls(batch) if across else [batch]:
                assessed = [_assessed(line, tracker, semantic) for line in poll]
                with db.writing() as session:
                    arrived = zip(assessed, (line.article.seen_at for line in poll), strict=True)
                    filed = file_articles(session, arrived, context)
                yield from [_replayed(*each, names) for each in zip(poll, assessed, filed, strict=True)]
                confirm_stored(assessed, tracker)
                if across:
                    with db.reading() as session:
                        across.catch_up(session)
            with db.reading() as session:
                last, seen = mark(seen), archive.latest_id(session)
                if mark(seen) != last:
                    tracker.begin_rebuild()
                    tracker.finish_rebuild(build_matcher(session, topics))
            if across and mark(seen) != last:
                across.renew(db, topics, is_patient=True)
    finally:
        db.close()


class _PeekableLines:
    """Iterator over lines that shows whether the next one belongs to the same poll."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self._next: Line | None = next(self._lines, None)

    def take(self) -> Line | None:
        """Return the next line, or None at the end."""
        taken, self._next = self._next, next(self._lines, None)
        return taken

    def goes_on(self, line: Line) -> bool:
        """Whether the next line came by the same poll as this one."""
        return self._next is not None and line.poll_key is not None and self._next.poll_key == line.poll_key


def _batch(pending: _PeekableLines, size: int) -> list[Line]:
    """Return the next `size` lines and the rest of the last one's poll: the daemon, too, reads the archive only between polls."""
    batch: list[Line] = []
    while (len(batch) < size or pending.goes_on(batch[-1])) and (line := pending.take()):
        batch.append(line)
    return batch


def _polls(batch: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines of each poll: an article is compared with those of earlier polls. Lines of which no poll is known are one each."""
    for key, lines in groupby(batch, key=lambda each: each.poll_key):
        found = list(lines)
        yield from [found] if key is not None else ([each] for each in found)


def _assessed(line: Line, tracker: Tracker, semantic: SemanticScorer | None) -> AssessedArticle:
    return assess(line.article, tracker, arrival=Arrival(max_age_for=None, held=line.held), semantic=semantic)


def _replayed(line: Line, assessed: AssessedArticle, filed: FiledArticle, names: Names) -> Replayed:
    names.learn(line, filed)
    of = filed.choice.of_article_id
    return Replayed(line, assessed.scores, filed, names, names.line_ids.get(of) if of is not None else None)


def _answer(replayed: Replayed, all_scores: bool) -> dict[str, Any]:
    filed = replayed.filed
    shown = [each for each in replayed.scores if all_scores or _is_matched(each)]
    return {
        "id": replayed.line.id,
        "topics": [
            {
                "topic": each.topic,
                "score": round(each.score, 12),
                "probability": each.probability,
                "matched": _is_matched(each),
            }
            for each in shown
        ],
        "story": replayed.story,
        "kind": filed.choice.kind.value,
        "of": replayed.of_line_id,
        "alert": list(filed.decision.alerting_topics),
        "reason": filed.decision.reason.value,
    }


def _is_matched(score: Score) -> bool:
    return score.is_match and not score.blocked
