"""What a new article is to those we know: a copy, an update or something new. Pure: an article and candidates in, a choice out.

The store proposes candidates (same guid, same URL, same text, same title, shared keys of `sketch`); nothing is believed until
the full texts were compared here. The order of the candidates does not matter. A story of its own is the answer to every
doubt: a second alert is a nuisance, a swallowed one is a loss. Judges are asked in turn and the first answer counts; stories
told by different texts (`Kind.JOINS`) will be one judge more, after these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from monitor.stories import tuning
from monitor.stories.boilerplate import SiteText, boilerplate_runs, held_by, is_all_they_share, learned
from monitor.stories.changes import UNCHANGED, Change, compare, correction
from monitor.stories.fingerprint import Runs, Shingles
from monitor.text import urls
from monitor.text.tokens import tokens
from monitor.text.urls import Parts, split
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoredCandidate, StoryChoice


def choose(article: Article, candidates: Sequence[StoredCandidate], *, read: Shingles | None = None) -> StoryChoice:
    """What `article` is to `candidates`; a story of its own where none of them is the same. `read` is its text, where it was
    read already (`Fingerprint.shingles`)."""
    own = _CopyText(article.title, article.text, read)
    ordered = sorted(candidates, key=lambda known: (known.published_at, known.article_id))
    return (
        _same_article(article, own, ordered)
        or _copy(article, own, ordered)
        or StoryChoice(kind=ArticleKind.NEW, why="nothing like it is stored")
    )


def of_template(article: Article, others: Sequence[StoredCandidate], *, read: Shingles | None = None) -> list[bool]:
    """For each word of the text whether it belongs to a template; [] where there is none. None of the others is a copy."""
    sites = [_site(known.url, known.source) for known in others]
    site = _site(article.url, article.source)
    if len(others) < tuning.TEMPLATE_PAGES - 1 or len({site, *sites}) > len(others):
        return []
    own = SiteText(site, read or Shingles(article.text))
    pages = zip(sites[: tuning.TEMPLATE_TEXTS_READ], others, strict=False)
    runs = boilerplate_runs(own, [SiteText(where, Shingles(known.text)) for where, known in pages])
    return own.shingles.words_in(runs) if len(runs) else []


# --- the same article, met again ------------------------------------------------------------------------------------------


def _same_article(article: Article, own: _CopyText, candidates: Sequence[StoredCandidate]) -> StoryChoice | None:
    """Same guid in the same feed, or same URL: unchanged it is a copy, changed it is an update of the latest version."""
    same = [
        known for known in candidates if known.same_guid or (known.same_url and _is_believable(article, own, known))
    ]
    if not same:
        return None
    how = "same canonical URL" if any(known.same_url for known in same) else "same guid in the same feed"
    for known in same:
        if own.is_same_as(_CopyText(known.title, known.text)):
            return _choice(ArticleKind.COPY, known, 1.0, f"{how}, unchanged")
    latest = max(same, key=lambda known: (known.same_guid, known.article_id))
    change = compare(latest.title, latest.text, article.title, article.text)
    stored = Shingles(latest.text)
    similarity = own.shingles.containment(stored)
    if not change.is_material and tuning.SHORTER_READING_TIMES * len(own.shingles.words) < len(stored.words):
        # Another feed's teaser of it must not take the place of the text we have.
        return _choice(ArticleKind.COPY, latest, similarity, f"{how}, read at a shorter length")
    choice = _choice(ArticleKind.UPDATE, latest, similarity, f"{how}, changed: {change.why}")
    return replace(choice, is_material=change.is_material, facts=change.facts)


def _is_believable(article: Article, own: _CopyText, known: StoredCandidate) -> bool:
    """A canonical URL that names the home page or a section is carried by all its articles: there the texts must agree."""
    if urls.names_an_article(article.url):
        return True
    other = _CopyText(known.title, known.text)
    return own.has_title_of(other) or own.shingles.containment(other.shingles) >= tuning.COPY_CONTAINMENT


# --- the same text, elsewhere ---------------------------------------------------------------------------------------------


def _copy(article: Article, own: _CopyText, candidates: Sequence[StoredCandidate]) -> StoryChoice | None:
    """The earliest of those whose text is the same, identical ones before near ones."""
    if not own.shingles.words or not candidates:
        return None
    readings = [_CopyText(known.title, known.text) for known in candidates]
    worth = _worth_a_look(own, readings)
    if not worth:
        return None
    templates = _templates(article, own, candidates, readings, worth)
    found = [
        (candidates[i], readings[i], similarity)
        for i in worth
        if (similarity := _likeness(article, own, candidates[i], readings[i], templates))
    ]
    if not found:
        return None
    known, _, similarity = max(found, key=lambda each: each[2] == 1.0)
    copy = _choice(ArticleKind.COPY, known, similarity, f"same text ({similarity:.0%} of its word runs)")
    return _corrected(article, own, copy, found)


# --- a corrected copy -----------------------------------------------------------------------------------------------------


def _corrected(
    article: Article, own: _CopyText, copy: StoryChoice, found: Sequence[tuple[StoredCandidate, _CopyText, float]]
) -> StoryChoice:
    """The same copy; or an update, where every print we have states other facts and this one is no older than they.

    Where one print says the same already it is one copy more, of that one: so a correction is told once, whoever makes it next.
    """
    likest = sorted(found, key=lambda each: -own.shingles.resemblance(each[1].shingles))
    first = [each for each in found if each[0].article_id == copy.of_article_id]
    changes = []
    for known, other, similarity in [*first, *(each for each in likest if each not in first)][: tuning.PRINTS_COMPARED]:
        change = _correction(article, own, known, other)
        if not change.is_material:
            return (
                copy
                if known.article_id == copy.of_article_id
                else _choice(ArticleKind.COPY, known, similarity, copy.why)
            )
        changes.append((known, similarity, change))
    known, similarity, change = changes[0]
    if article.published_at < min(each.published_at for each, _, _ in found):
        return replace(copy, why=f"{copy.why}, an earlier version: {change.why}")
    choice = _choice(ArticleKind.UPDATE, known, similarity, f"same text elsewhere, corrected: {change.why}")
    return replace(choice, is_material=True, facts=change.facts)


def _correction(article: Article, own: _CopyText, known: StoredCandidate, other: _CopyText) -> Change:
    """What it corrects of this print; nothing, and at no cost, where one of the two only adds to the other."""
    if own.shingles.holds(other.shingles) or other.shingles.holds(own.shingles):
        return UNCHANGED
    hosts = f"{urls.host(article.url)} {urls.host(known.url)} {article.source} {known.source}".casefold()
    return correction(known.text, article.text, is_one_site=_is_same_site(article, known), hosts=hosts)


def _worth_a_look(own: _CopyText, readings: Sequence[_CopyText]) -> list[int]:
    """The places of those that can be copies whatever a template would take away: no run is a template's that fewer texts hold
    than make one. Of fifty pages with one site's boilerplate none is left, mostly, and their templates need not be learned."""
    texts = [own.shingles, *(each.shingles for each in readings)]
    common = held_by(tuning.TEMPLATE_PAGES, texts)
    sure = [len(each.distinct) - each.count_in(common) for each in texts]
    shared = [own.shingles.count_in(each.distinct) for each in texts]
    return [i for i in range(len(readings)) if shared[i + 1] >= tuning.COPY_CONTAINMENT * min(sure[0], sure[i + 1])]


def _templates(
    article: Article,
    own: _CopyText,
    candidates: Sequence[StoredCandidate],
    readings: Sequence[_CopyText],
    worth: Sequence[int],
) -> dict[str, Runs]:
    """What the pages of the sites at hand share: of the article's own and of those of the candidates that are worth a look."""
    site, sites = _site(article.url, article.source), [_site(known.url, known.source) for known in candidates]
    wanted = {site, *(sites[i] for i in worth)}
    pages = [SiteText(each, other.shingles) for each, other in zip(sites, readings, strict=True) if each in wanted]
    return learned([SiteText(site, own.shingles), *pages])


def _likeness(
    article: Article, own: _CopyText, known: StoredCandidate, other: _CopyText, templates: Mapping[str, Runs]
) -> float:
    """How much of the smaller text the larger holds, or 0.0 where that is too little for their length and place."""
    for site in {_site(article.url, article.source), _site(known.url, known.source)} & templates.keys():
        own, other = own.without(templates[site]), other.without(templates[site])
    words = min(own.shingles.length, other.shingles.length)
    if words < tuning.SHORT_WORDS:
        return float(own.is_same_as(other) and len(own.title_words) >= tuning.SAME_TITLE_WORDS)
    similarity = own.shingles.containment(other.shingles)
    least = tuning.TEASER_CONTAINMENT if words < tuning.TEASER_WORDS else tuning.COPY_CONTAINMENT
    if similarity < least or own.contradicts(other):
        return 0.0
    is_same_site = _is_same_site(article, known)
    if similarity < tuning.ALL_BUT_A_PASSAGE and _are_two_tales(own, other, words, is_same_site=is_same_site):
        return 0.0
    start, other_start = own.shingles.starts(other.shingles)
    is_all_but_start = similarity >= tuning.COPY_CONTAINMENT_OTHER_START
    if not is_same_site:
        return similarity if is_all_but_start or max(start, other_start) >= tuning.START_SHARED else 0.0
    is_either = is_all_but_start or other_start >= tuning.SAME_SITE_START_SHARED
    is_same_day = abs(article.published_at - known.published_at) <= tuning.CORRECTED_WITHIN_FOR
    is_begun_alike = start >= tuning.SAME_SITE_START_SHARED and is_either
    return similarity if is_begun_alike and own.has_title_for(other, is_same_day=is_same_day) else 0.0


def _are_two_tales(own: _CopyText, other: _CopyText, words: int, *, is_same_site: bool) -> bool:
    """Whether what they share is a template, or a notice of every outlet ("We use cookies") around two short tales."""
    if is_all_they_share(own.shingles, other.shingles, is_one_site=is_same_site):
        return True
    return words < tuning.SHORT_TALE_WORDS and own.tells_beside(other) and other.tells_beside(own)


def _is_same_site(article: Article, known: StoredCandidate) -> bool:
    mine, theirs = _parts(article.url), _parts(known.url)
    is_same_host = mine is not None and theirs is not None and mine.host == theirs.host
    return is_same_host or bool(article.source and article.source == known.source)


def _site(url: str, source: str) -> str:
    parts = _parts(url)
    return parts.host if parts is not None and parts.host else source


@lru_cache(maxsize=256)  # one article is held against fifty, and each is asked for its site and its host
def _parts(url: str) -> Parts | None:
    try:
        return split(url)
    except ValueError:  # '' where the feed gave none
        return None


class _CopyText:
    """A title and a text as words, made where they are first asked for."""

    def __init__(self, title: str, text: str, read: Shingles | None = None) -> None:
        self._title = title
        self._text = text
        self._read = read

    @cached_property
    def title_words(self) -> list[str]:
        return tokens(self._title)

    @cached_property
    def shingles(self) -> Shingles:
        return self._read or Shingles(self._text)

    def without(self, runs: Runs) -> _CopyText:
        """The same without a site's boilerplate."""
        return _CopyText(self._title, self._text, self.shingles.without(runs))

    def has_title_of(self, other: _CopyText) -> bool:
        return bool(self.title_words) and self.title_words == other.title_words

    def has_title_for(self, other: _CopyText, *, is_same_day: bool) -> bool:
        """Whether on one site the titles allow a copy: over two teasers one title must only add to the other."""
        mine, theirs = set(self.title_words), set(other.title_words)
        is_within = bool(mine and theirs) and (mine <= theirs or theirs <= mine)
        is_article = max(len(self.shingles.words), len(other.shingles.words)) >= tuning.ARTICLE_WORDS
        if self.is_next_of_series(other):
            return is_article and is_same_day and self.corrects_title_of(other)
        return is_article or is_within

    def tells_beside(self, other: _CopyText) -> bool:
        """Whether its headline is of what it has for itself, not of what both print: a copy's new headline is of both."""
        held = self.shingles.words_in(other.shingles.distinct)
        both = {word for word, is_held in zip(self.shingles.words, held, strict=True) if is_held}
        title = {word for word in self.title_words if len(word) > 2 or not word.isascii()}
        return len(title & set(self.shingles.words) - both) > len(title & both)

    @cached_property
    def numbers(self) -> set[str]:
        return {word for word in self.shingles.words if word[0].isdigit()}

    def contradicts(self, other: _CopyText) -> bool:
        """Weather, markets, counts of the day: the sentences stay, the numbers go."""
        fewer, more = sorted((self.numbers, other.numbers), key=len)
        is_enough = len(fewer) >= tuning.CONTRADICTING_NUMBERS
        return is_enough and len(fewer & more) < tuning.SAME_NUMBERS_SHARE * len(fewer)

    def is_next_of_series(self, other: _CopyText) -> bool:
        """Titles that differ in their numbers only: "2015: the year in pictures"."""
        mine, theirs = ([word for word in each.title_words if not word[0].isdigit()] for each in (self, other))
        return mine == theirs and self.title_words != other.title_words

    def corrects_title_of(self, other: _CopyText) -> bool:
        """Whether the number that took another's place in the title did so in an otherwise equal text: "12 dead" is 17 by now."""
        mine, theirs = ({word for word in each.title_words if word[0].isdigit()} for each in (self, other))
        came, went = mine - theirs, theirs - mine
        is_in_text = came <= self.numbers - other.numbers and went <= other.numbers - self.numbers
        return bool(came and went) and is_in_text and self.shingles.resemblance(other.shingles) >= tuning.ALL_BUT_FACTS

    def is_same_as(self, other: _CopyText) -> bool:
        return self.title_words == other.title_words and self.shingles.words == other.shingles.words


def _choice(kind: ArticleKind, known: StoredCandidate, similarity: float, why: str) -> StoryChoice:
    return StoryChoice(
        kind=kind,
        story_id=known.story_id,
        of_article_id=known.article_id,
        similarity=similarity,
        why=why,
    )
