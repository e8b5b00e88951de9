"""What an article was assessed without, when that is back, and what is then decided anew. Pure.

An article that was decided while no topic was in force, while the embedder was away, or while its page could not be read is
assessed again when that is over (`polling.reassessing`), as are the articles of late when a topic changes or a person asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.types.fetching import PageVisit
from monitor.types.matching import Article, Grade, Reason, Score
from monitor.types.stories import Cause, KnownArticle

PAGE_AFTER = timedelta(hours=1)
"""When a page that could not be read is asked for again, after the first failure: as long as its host is left alone. Doubles."""
PAGE_ATTEMPTS = 5
"""After the first one: 1 + 2 + 4 + 8 + 16 hours. What is away for longer is no news any more when it is back."""
WAITS_AT_MOST_FOR = timedelta(minutes=5)
"""How long an article waits for its embedding; then it is decided on by words, and once more when it is embedded. 300 articles at
once need half a minute of one core (85 ms each); what takes ten times as long is no delay any more but an outage."""
WAITS_AGAIN_FOR = timedelta(seconds=3)
"""When an article whose embedding was not ready is looked at again."""
_EMBEDDER_AFTER, _EMBEDDER_AFTER_AT_MOST = timedelta(seconds=30), timedelta(minutes=30)
"""As long as the embedder itself is left alone after failures (`learning.embedding`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What is there to assess articles with."""

    topics: bool
    embedder: bool
    """It works as far as is known, and all seeds are embedded."""
    is_embedder_expected: bool
    """One is set, and it is not known to be away: seeds will be embedded in a moment."""
    pages: bool


def back(present: Present) -> tuple[Cause, ...]:
    """The causes for which articles can be assessed again now."""
    if not present.topics:
        return ()
    waits_for_seeds = present.is_embedder_expected and not present.embedder
    return (
        Cause.TOPICS,
        Cause.EMBEDDING,
        *([Cause.EMBEDDER] if present.embedder else []),
        *([Cause.FULL_TEXT] if present.pages else []),
        *([] if waits_for_seeds else [Cause.SEEDS, Cause.BY_HAND]),
    )


def of_article(
    article: Article,
    *,
    has_topics: bool,
    is_unembedded: bool,
    page_at: datetime | None,
    now: datetime,
    is_waiting: bool = False,
) -> Mapping[Cause, datetime]:
    """What was missing when an article was assessed -> when it may be assessed again. A wall is no article, nor is one without a
    word. `page_at`: from when on its page may be asked for again; None where it was read, or is not wanted. `is_waiting`: the
    embedder works and has not come to it yet."""
    if article.grade is Grade.WALL or not (article.title or article.text):
        return {}
    found = {Cause.TOPICS: now} if not has_topics else {}
    if has_topics and (is_unembedded or is_waiting):
        found[Cause.EMBEDDING if is_waiting else Cause.EMBEDDER] = now
    return found | ({Cause.FULL_TEXT: page_at} if page_at else {})


def page_again_at(visit: PageVisit | None, attempts: int, *, now: datetime) -> datetime | None:
    """When a page is to be asked for again; None for one that was read, that is gone or refused, or that failed too often."""
    if visit is not None and not visit.is_passing:
        return None
    if attempts >= PAGE_ATTEMPTS:
        return None
    at = now + PAGE_AFTER * float(2**attempts)
    return max(at, visit.host_paused_until_at) if visit and visit.host_paused_until_at else at


def may_wait(cause: Cause, *, wanted_at: datetime, attempts: int, now: datetime) -> bool:
    """Whether an article that is assessed again may (still) wait for its embedding. One that was decided on by words, because the
    embedder was away, has no need to."""
    if cause is Cause.EMBEDDING:
        return now - wanted_at < WAITS_AT_MOST_FOR
    return cause is not Cause.EMBEDDER and attempts * WAITS_AGAIN_FOR < WAITS_AT_MOST_FOR


def embedder_again_at(attempts: int, *, now: datetime) -> datetime:
    """When an article that could not be embedded is tried again."""
    return now + min(_EMBEDDER_AFTER * float(2 ** min(attempts, 10)), _EMBEDDER_AFTER_AT_MOST)


# --- what is decided anew -----------------------------------------------------------------------------------------------


def in_question(
    scores: Sequence[Score], stored: KnownArticle, *, only: str, judged: Collection[str]
) -> tuple[Score, ...]:
    """The scores to decide by: without new matches of topics that are not in question, and of those on which a person has said
    something already. `only`: the topic in question; '' for all."""

    def is_left_out(score: Score) -> bool:
        is_new = score.is_match and score.topic not in stored.matches
        return is_new and (only not in ("", score.topic) or score.topic in judged)

    return tuple(each for each in scores if not is_left_out(each))


def is_new_in_range(scores: Sequence[Score], stored: KnownArticle, cause: Cause) -> bool:
    """Whether an article of a range is decided anew: it matches a topic that it did not match; asked for by hand also where there
    was no topic when it was decided.

    Where nothing changes, no decision is stored: a changed seed would else leave a row on every article of a week.
    """
    if cause is Cause.BY_HAND and stored.reason is Reason.NO_TOPICS:
        return True
    return any(each.is_match and not each.blocked and each.topic not in stored.matches for each in scores)
