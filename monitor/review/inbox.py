"""The inbox: stories to be judged by their matches, one read at a time, verdicts on many at once.

A line of the inbox is a story. A verdict is on a match, that is on one article for one topic; so of a story one article is shown
at a time: its lead, as long as that is among the matches asked for, else the one furthest above its threshold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from monitor.learning import training
from monitor.matching.calibration import Calibration
from monitor.matching.margins import margin, share
from monitor.review import choices
from monitor.review.kept import Known
from monitor.review.matches import VERDICT_STATES, ListedMatch, listed, outlet_of_article
from monitor.review.verdicts import record_if_new
from monitor.store import inbox, matches, topics
from monitor.store.db import Session
from monitor.store.inbox import InboxFilter, InboxMatch, InboxOrder
from monitor.store.stories import story_articles, story_members
from monitor.stories.sources import StoryArticle, outlets
from monitor.text.snippets import snippet
from monitor.text.tokens import tokens

_HINTED_WORDS = 6
READING_CHARACTERS = 3_000
"""Of an article's text, in the reading pane; its page has all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxQuery:
    """Filters, order and paging of the inbox; an empty field does not filter."""

    topic: str = ""
    state: str = "new"
    words: str = ""
    language: str = ""
    publisher: str = ""
    since_at: datetime | None = None
    until_at: datetime | None = None
    is_told: bool | None = None
    order: InboxOrder = InboxOrder.NEWEST
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxStory:
    """A story as a line of the inbox shows it, by one of its articles."""

    id: int
    article_id: int
    title: str
    language: str
    outlet: str
    found_at: datetime
    probability: float | None
    """The highest of the matches of this article; None where no topic of them is calibrated."""
    articles: int
    """How many articles carry the story, and how many outlets."""
    outlets: int
    topics: tuple[str, ...]
    """Titles of the topics that this article matches."""
    state: str
    """`new` as long as a match asked for has no verdict, else the verdict of the first."""
    left: tuple[int, ...]
    """The matches of this article without a verdict, in the order in which they are judged."""
    others_left: int
    """How many matches of the story's other articles have no verdict."""
    snippet: str = ""
    """Where the words of the search stand in its text; '' without a search, and where its title alone has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicCount:
    """A topic, and how many stories of the list it has."""

    topic: str
    title: str
    stories: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """One page of the inbox, with the numbers of stories by state and topic."""

    stories: tuple[InboxStory, ...]
    total: int
    any_state: int
    by_state: Mapping[str, int] = field(default_factory=dict)
    topics: tuple[TopicCount, ...] = ()
    seen: int = 0
    """The id of the latest match: verdicts on whole stories leave out what came later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHint:
    """What is to be said of a search that finds nothing."""

    unfiltered: int
    """How many stories have its words, whatever their state, topic and the rest."""
    words: tuple[tuple[str, int], ...]
    """Its words, as they are looked for, with the number of stories that have each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherArticle:
    """Another article of a story that is read, with its matches."""

    article_id: int
    title: str
    language: str
    outlet: str
    states: tuple[tuple[str, str], ...]
    """Topic and state of each match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A story as the reading pane shows it: one article with its matches and text, and what else the story has."""

    story: InboxStory
    matches: tuple[ListedMatch, ...]
    """Of the article: those that were asked for first."""
    text: str
    is_cut: bool
    others: tuple[OtherArticle, ...]
    seen: int


# --- lists --------------------------------------------------------------------------------------------------------------


def find_page(session: Session, query: InboxQuery, known: Known | None = None) -> InboxPage:
    """A page of the inbox. `known`, here and below: what is kept of the whole store; without it, it is worked out."""
    wanted, titles = _filter(session, query, known), topics.titles(session)
    ids = inbox.page(session, wanted, query.order, limit=query.limit, offset=query.offset)
    counts = inbox.counts(session, wanted)
    return InboxPage(
        stories=_lines(session, ids, wanted, known),
        total=counts.by_state.get(query.state, 0) if query.state else counts.any_state,
        any_state=counts.any_state,
        by_state=counts.by_state,
        topics=tuple(
            TopicCount(topic=name, title=titles.get(name, name), stories=counts.by_topic.get(name, 0))
            for name in sorted({*titles, *counts.by_topic})
        ),
        seen=inbox.latest_id(session),
    )


def find_more(session: Session, query: InboxQuery, known: Known | None = None) -> InboxPage:
    """The stories of a page alone, without the numbers."""
    wanted = _filter(session, query, known)
    ids = inbox.page(session, wanted, query.order, limit=query.limit, offset=query.offset)
    shown = _lines(session, ids, wanted, known)
    return InboxPage(stories=shown, total=len(shown), any_state=0, seen=inbox.latest_id(session))


def find_match_ids(session: Session, query: InboxQuery, known: Known | None = None) -> list[int]:
    """All matches that the query asks for, newest first, without regard to its paging."""
    return inbox.match_ids(session, _filter(session, query, known))


def count_since(session: Session, query: InboxQuery, match_id: int, known: Known | None = None) -> int:
    """How many stories have got a match that the query asks for since that one."""
    return inbox.count_since(session, _filter(session, query, known), match_id)


def find_hint(session: Session, query: InboxQuery, known: Known | None = None) -> SearchHint:
    """Why a search finds nothing: what it would find without the filters, and how many stories each of its words is in."""
    alone = InboxQuery(state="", words=query.words)
    asked = list(dict.fromkeys(tokens(query.words)))
    return SearchHint(
        unfiltered=find_counts(session, alone, known)["all"],
        words=tuple(
            (each, find_counts(session, replace(alone, words=each), known)["all"]) for each in asked[:_HINTED_WORDS]
        ),
    )


def find_counts(session: Session, query: InboxQuery, known: Known | None = None) -> dict[str, int]:
    """How many stories there are in each state, and in `all`."""
    counts = inbox.counts(session, _filter(session, query, known))
    return {"all": counts.any_state, **{each: counts.by_state.get(each, 0) for each in VERDICT_STATES}}


def find_lines(
    session: Session, story_ids: Sequence[int], query: InboxQuery, known: Known | None = None
) -> tuple[InboxStory, ...]:
    """These stories, whether the filter has them or not; those without a match are left out."""
    return _lines(session, story_ids, _filter(session, query, known), known)


def _lines(
    session: Session, ids: Sequence[int], wanted: InboxFilter, known: Known | None = None
) -> tuple[InboxStory, ...]:
    carriers, leads = story_articles.carriers(session, ids), inbox.leads(session, ids)
    asked, titles = inbox.wanted_ids(session, wanted, ids), topics.titles(session)
    calibrated = known.calibration if known else training.calibration(session)
    of_story: dict[int, list[InboxMatch]] = defaultdict(list)
    for match in inbox.of_stories(session, ids):
        of_story[match.story_id].append(match)
    lines = tuple(
        _line(_ordered(of_story[each], asked, leads.get(each)), asked, carriers[each], titles, calibrated)
        for each in ids
        if of_story[each]
    )
    return _with_snippets(session, lines, wanted.words) if wanted.words else lines


def _with_snippets(session: Session, lines: Sequence[InboxStory], words: str) -> tuple[InboxStory, ...]:
    texts, asked = inbox.texts(session, [each.article_id for each in lines]), tokens(words)
    return tuple(
        replace(each, snippet=snippet(texts.get(each.article_id, ""), asked[:-1], each.language, asked[-1]))
        if asked
        else each
        for each in lines
    )


def _ordered(found: Iterable[InboxMatch], asked: Collection[int], lead: int | None) -> list[InboxMatch]:
    """The matches of a story: those asked for first, of these the lead article's, then the furthest above the threshold."""
    return sorted(
        found, key=lambda each: (each.id not in asked, each.article_id != lead, -_share(each), each.article_id)
    )


def _share(match: InboxMatch) -> float:
    return share(match.score, match.threshold, match.factor)


def _line(
    found: Sequence[InboxMatch],
    asked: Collection[int],
    carriers: Sequence[StoryArticle],
    titles: Mapping[str, str],
    calibrated: Calibration,
) -> InboxStory:
    shown = found[0]
    own = [each for each in found if each.article_id == shown.article_id]
    in_play = [each for each in own if each.id in asked] or own
    new = [each for each in found if each.state == "new"]
    left = [each for each in (in_play if asked else own) if each.state == "new"]
    return InboxStory(
        id=shown.story_id,
        article_id=shown.article_id,
        title=shown.title,
        language=shown.language,
        outlet=outlet_of_article(shown.article_id, shown.source, carriers),
        found_at=max(each.found_at for each in found),
        probability=max((p for each in own if (p := _probability(each, calibrated)) is not None), default=None),
        articles=max(len(carriers), 1),
        outlets=max(len(outlets(carriers)), 1),
        topics=tuple(titles.get(each.topic, each.topic) for each in own),
        state="new" if left else in_play[0].state,
        left=tuple(each.id for each in left),
        others_left=sum(each.article_id != shown.article_id for each in new),
    )


def _probability(match: InboxMatch, calibrated: Calibration) -> float | None:
    return calibrated.probability(match.topic, margin(match.score, match.threshold, match.factor))


# --- one story ----------------------------------------------------------------------------------------------------------


def find_reading(session: Session, story_id: int, query: InboxQuery, known: Known | None = None) -> Reading | None:
    """A story to be read, or the one that it became part of; None where it has no match."""
    line = next(iter(find_lines(session, [story_id], query, known)), None)
    if line is None and (now := _merged_into(session, story_id)):
        story_id = now
        line = next(iter(find_lines(session, [story_id], query, known)), None)
    article = matches.article(session, line.article_id) if line else None
    if line is None or article is None:
        return None
    carriers = story_articles.carriers(session, [story_id])
    asked = inbox.wanted_ids(session, _filter(session, query, known), [story_id])
    own = sorted(matches.of_article(session, article.id), key=lambda each: each.id not in asked)
    return Reading(
        story=line,
        matches=listed(session, own, carriers, known.calibration if known else None),
        text=article.text[:READING_CHARACTERS],
        is_cut=len(article.text) > READING_CHARACTERS,
        others=_others(session, line, carriers[story_id]),
        seen=inbox.latest_id(session),
    )


def _others(session: Session, line: InboxStory, carriers: Sequence[StoryArticle]) -> tuple[OtherArticle, ...]:
    titles = topics.titles(session)
    by_article: dict[int, list[InboxMatch]] = defaultdict(list)
    for each in inbox.of_stories(session, [line.id]):
        if each.article_id != line.article_id:
            by_article[each.article_id].append(each)
    return tuple(
        OtherArticle(
            article_id=number,
            title=found[0].title,
            language=found[0].language,
            outlet=outlet_of_article(number, found[0].source, carriers),
            states=tuple((titles.get(each.topic, each.topic), each.state) for each in found),
        )
        for number, found in by_article.items()
    )


# --- verdicts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one verdict is on: matches by their ids, and whole stories: of these every match that has no verdict yet and an id up
    to the one that was the latest when the list was made."""

    match_ids: tuple[int, ...] = ()
    stories: Mapping[int, int] = field(default_factory=dict)


def judge(
    session: Session,
    on: Judged,
    *,
    is_relevant: bool,
    query: InboxQuery,
    by: str,
    note: str = "",
    known: Known | None = None,
    now: datetime,
) -> tuple[int, int] | None:
    """Give one verdict on all of these; of whole stories on what the query asks for. Returns the ids of the first and the last
    verdict, or None where nothing was to be changed."""
    wanted = _filter(session, replace(query, state="new"), known)
    ids = set(on.match_ids)
    for story_id, seen in on.stories.items():
        of_story = inbox.wanted_ids(session, wanted, [story_id], up_to=seen)
        if not of_story and (now_part_of := _merged_into(session, story_id)):
            of_story = _of_first_article(
                session, inbox.wanted_ids(session, wanted, [now_part_of], up_to=seen), story_id
            )
        ids |= of_story
    found = (matches.find(session, each) for each in sorted(ids))
    recorded = [
        verdict_id
        for each in found
        if each and (verdict_id := record_if_new(session, each, is_relevant=is_relevant, by=by, note=note, now=now))
    ]
    return (recorded[0], recorded[-1]) if recorded else None


def _of_first_article(session: Session, match_ids: Iterable[int], story_id: int) -> set[int]:
    """Of the matches of a story that another was merged into, those of the article that had opened that one and bears its number:
    the reviewer has not seen the rest of what the story holds now."""
    found = ((each, matches.find(session, each)) for each in match_ids)
    return {each for each, match in found if match and match.article_id == story_id}


def _merged_into(session: Session, story_id: int) -> int | None:
    """The story that one became part of since a page was loaded; None where it is still there, or never was."""
    now = story_members.resolve(session, story_id)
    return now if now != story_id else None


# --- filters ------------------------------------------------------------------------------------------------------------


def _filter(session: Session, query: InboxQuery, known: Known | None) -> InboxFilter:
    same = {each.name: getattr(query, each.name) for each in fields(InboxFilter) if each.name != "published_by"}
    if not query.publisher:
        return InboxFilter(**same)
    publishers = known.choices.publishers if known else choices.publishers(session)
    return InboxFilter(**same, published_by=publishers.get(query.publisher, ()))
