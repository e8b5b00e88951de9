"""Decide whether a new article is a copy or an update of a stored one, or opens a story of its own.

The store proposes candidates (same guid, same URL, same text, same title, shared fingerprint keys); the decision is made here, on
the full texts, and does not depend on the order of the candidates. Every doubt is decided for a story of its own: a second alert
is a nuisance, a swallowed one is a loss. The checks run in order and the first answer counts. Differently worded articles on one
event (`ArticleKind.JOINS`) are decided afterwards, in `monitor.stories.events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from monitor.stories import tuning
from monitor.stories.boilerplate import (
    SiteText,
    boilerplate_by_site,
    boilerplate_runs,
    runs_in_at_least,
    shares_only_boilerplate,
)
from monitor.stories.changes import UNCHANGED, Change, compare, correction
from monitor.stories.fingerprint import RecentShingles, Runs, Shingles
from monitor.text import urls
from monitor.text.tokens import tokens
from monitor.text.urls import Parts, split
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoredCandidate, StoryChoice

_recent = RecentShingles()


def classify(article: Article, candidates: Sequence[StoredCandidate], *, read: Shingles | None = None) -> StoryChoice:
    """Classify `article` against `candidates`: a copy or an update of one of them, or new.

    `read` is its text as word runs, if these exist already (`Fingerprint.shingles`).
    """
    own = _CopyText(article.title, article.text, read)
    ordered = sorted(candidates, key=lambda known: (known.published_at, known.article_id))
    return (
        _match_same_article(article, own, ordered)
        or _match_copy(article, own, ordered)
        or StoryChoice(kind=ArticleKind.NEW, why="nothing like it is stored")
    )


def boilerplate_mask(
    article: Article, others: Sequence[StoredCandidate], *, read: Shingles | None = None
) -> list[bool]:
    """For each word of the text, whether it is boilerplate of the site; [] if none is.

    `others` must be articles that are no copies of `article`.
    """
    if len(others) < tuning.BOILERPLATE_PAGES - 1:
        return []
    sites = [_site(known.url, known.source) for known in others]
    site = _site(article.url, article.source)
    if len({site, *sites}) > len(others):
        return []
    own = SiteText(site, read or Shingles(article.text))
    pages = [
        SiteText(where, _recent.of(known.text))
        for where, known in zip(sites[: tuning.BOILERPLATE_TEXTS_READ], others, strict=False)
    ]
    if not own.shingles.has_run_in(tuning.BOILERPLATE_PAGES - 1, [each.shingles for each in pages]):
        return []
    runs = boilerplate_runs(own, pages)
    return own.shingles.words_covered_by(runs) if len(runs) else []


# --- the same article again -----------------------------------------------------------------------------------------------


def _match_same_article(article: Article, own: _CopyText, candidates: Sequence[StoredCandidate]) -> StoryChoice | None:
    """Match by guid within the feed, or by URL: a copy if unchanged, else an update of the latest version."""
    same = [
        known for known in candidates if known.same_guid or (known.same_url and _is_trusted_url(article, own, known))
    ]
    if not same:
        return None
    how = "same canonical URL" if any(known.same_url for known in same) else "same guid in the same feed"
    for known in same:
        if own.is_identical_to(_CopyText(known.title, known.text)):
            return _choice(ArticleKind.COPY, known, 1.0, f"{how}, unchanged")
    latest = max(same, key=lambda known: (known.same_guid, known.article_id))
    change = compare(latest.title, latest.text, article.title, article.text)
    stored = _recent.of(latest.text)
    similarity = own.shingles.containment(stored)
    if not change.is_material and tuning.SHORTER_VERSION_TIMES * len(own.shingles.words) < len(stored.words):
        # Another feed's teaser of the article must not replace the stored full text.
        return _choice(ArticleKind.COPY, latest, similarity, f"{how}, read at a shorter length")
    choice = _choice(ArticleKind.UPDATE, latest, similarity, f"{how}, changed: {change.why}")
    return replace(choice, is_material=change.is_material, facts=change.facts)


def _is_trusted_url(article: Article, own: _CopyText, known: StoredCandidate) -> bool:
    """Whether a matching URL proves the same article. Where the canonical URL names a home page or a section, title or text
    must match."""
    if urls.looks_like_article(article.url):
        return True
    other = _CopyText(known.title, known.text)
    return own.has_title_of(other) or own.shingles.containment(other.shingles) >= tuning.COPY_CONTAINMENT


# --- the same text, elsewhere ---------------------------------------------------------------------------------------------


def _match_copy(article: Article, own: _CopyText, candidates: Sequence[StoredCandidate]) -> StoryChoice | None:
    """Return the earliest candidate with the same text, identical ones before similar ones."""
    if not own.shingles.words or not candidates:
        return None
    readings = [_CopyText(known.title, known.text) for known in candidates]
    possible = _possible_copies(own, readings)
    if not possible:
        return None
    boilerplate = _boilerplate_by_site(article, own, candidates, readings, possible)
    matches = [
        (candidates[i], readings[i], similarity)
        for i in possible
        if (similarity := _copy_similarity(article, own, candidates[i], readings[i], boilerplate))
    ]
    if not matches:
        return None
    known, _, similarity = max(matches, key=lambda each: each[2] == 1.0)
    copy = _choice(ArticleKind.COPY, known, similarity, f"same text ({similarity:.0%} of its word runs)")
    return _with_correction(article, own, copy, matches)


# --- a corrected copy -----------------------------------------------------------------------------------------------------


def _with_correction(
    article: Article, own: _CopyText, copy: StoryChoice, matches: Sequence[tuple[StoredCandidate, _CopyText, float]]
) -> StoryChoice:
    """Return the copy, or an update if it states other facts than every stored copy and is no older than they are.

    If one stored copy already states the same, the article is one more copy of that one: a correction is told once, whoever
    prints it next.
    """
    ranked = sorted(matches, key=lambda each: -own.shingles.resemblance(each[1].shingles))
    chosen = [each for each in matches if each[0].article_id == copy.of_article_id]
    changes = []
    for known, other, similarity in [*chosen, *(each for each in ranked if each not in chosen)][
        : tuning.COPIES_COMPARED
    ]:
        change = _correction_of(article, own, known, other)
        if not change.is_material:
            return (
                copy
                if known.article_id == copy.of_article_id
                else _choice(ArticleKind.COPY, known, similarity, copy.why)
            )
        changes.append((known, similarity, change))
    known, similarity, change = changes[0]
    if article.published_at < min(each.published_at for each, _, _ in matches):
        return replace(copy, why=f"{copy.why}, an earlier version: {change.why}")
    choice = _choice(ArticleKind.UPDATE, known, similarity, f"same text elsewhere, corrected: {change.why}")
    return replace(choice, is_material=True, facts=change.facts)


def _correction_of(article: Article, own: _CopyText, known: StoredCandidate, other: _CopyText) -> Change:
    """Return what the article corrects in one stored copy; the comparison is skipped if one text only adds to the other."""
    if own.shingles.contains(other.shingles) or other.shingles.contains(own.shingles):
        return UNCHANGED
    hosts = f"{urls.host(article.url)} {urls.host(known.url)} {article.source} {known.source}".casefold()
    return correction(known.text, article.text, is_one_site=_is_same_site(article, known), hosts=hosts)


def _possible_copies(own: _CopyText, readings: Sequence[_CopyText]) -> list[int]:
    """Indices of candidates that could still be copies after boilerplate removal (cheap upper bound).

    A run that fewer texts hold than boilerplate needs is certainly none. Of fifty pages with one site's boilerplate mostly none
    is left, and their boilerplate need not be learned.
    """
    texts = [each.shingles for each in readings]
    common = runs_in_at_least(tuning.BOILERPLATE_PAGES, [own.shingles, *texts])
    sure = _sure_runs(own.shingles, common)

    def is_possible(other: Shingles) -> bool:
        shared = own.shingles.count_shared(other.distinct)
        if shared < tuning.COPY_CONTAINMENT * min(sure, len(other.distinct) - len(common)):
            return False  # whatever part of it is boilerplate
        return shared >= tuning.COPY_CONTAINMENT * min(sure, _sure_runs(other, common))

    return [i for i, each in enumerate(texts) if is_possible(each)]


def _sure_runs(text: Shingles, common: Runs) -> int:
    return len(text.distinct) - text.count_shared(common)


def _boilerplate_by_site(
    article: Article,
    own: _CopyText,
    candidates: Sequence[StoredCandidate],
    readings: Sequence[_CopyText],
    possible: Sequence[int],
) -> dict[str, Runs]:
    """Learn the boilerplate of the article's own site and of the sites of the possible copies."""
    site, sites = _site(article.url, article.source), [_site(known.url, known.source) for known in candidates]
    wanted = {site, *(sites[i] for i in possible)}
    pages = [SiteText(each, other.shingles) for each, other in zip(sites, readings, strict=True) if each in wanted]
    return boilerplate_by_site([SiteText(site, own.shingles), *pages])


def _copy_similarity(
    article: Article, own: _CopyText, known: StoredCandidate, other: _CopyText, boilerplate: Mapping[str, Runs]
) -> float:
    """Return the share of the smaller text's runs that the larger holds; 0.0 if it is too small for a copy of their length and
    site."""
    for site in {_site(article.url, article.source), _site(known.url, known.source)} & boilerplate.keys():
        own, other = own.without(boilerplate[site]), other.without(boilerplate[site])
    words = min(own.shingles.length, other.shingles.length)
    if words < tuning.MIN_COPY_WORDS:
        return float(own.is_identical_to(other) and len(own.title_words) >= tuning.SAME_TITLE_WORDS)
    similarity = own.shingles.containment(other.shingles)
    least = tuning.TEASER_CONTAINMENT if words < tuning.TEASER_WORDS else tuning.COPY_CONTAINMENT
    if similarity < least or own.has_other_numbers(other):
        return 0.0
    is_same_site = _is_same_site(article, known)
    if similarity < tuning.ALL_BUT_A_PASSAGE and _are_different(own, other, words, is_same_site=is_same_site):
        return 0.0
    start, other_start = own.shingles.start_overlaps(other.shingles)
    is_high = similarity >= tuning.COPY_CONTAINMENT_OTHER_START
    if not is_same_site:
        return similarity if is_high or max(start, other_start) >= tuning.START_SHARED else 0.0
    is_confirmed = is_high or other_start >= tuning.SAME_SITE_START_SHARED
    is_same_day = abs(article.published_at - known.published_at) <= tuning.CORRECTION_WITHIN_FOR
    has_same_start = start >= tuning.SAME_SITE_START_SHARED and is_confirmed
    return similarity if has_same_start and own.titles_allow_copy(other, is_same_day=is_same_day) else 0.0


def _are_different(own: _CopyText, other: _CopyText, words: int, *, is_same_site: bool) -> bool:
    """Whether the texts share only boilerplate: a template, or a notice of every outlet ("We use cookies") around two short
    articles."""
    if shares_only_boilerplate(own.shingles, other.shingles, is_one_site=is_same_site):
        return True
    return words < tuning.SHORT_TEXT_WORDS and own.headlines_own_part(other) and other.headlines_own_part(own)


def _is_same_site(article: Article, known: StoredCandidate) -> bool:
    mine, theirs = _parts(article.url), _parts(known.url)
    is_same_host = mine is not None and theirs is not None and mine.host == theirs.host
    return is_same_host or bool(article.source and article.source == known.source)


def _site(url: str, source: str) -> str:
    parts = _parts(url)
    return parts.host if parts is not None and parts.host else source


@lru_cache(maxsize=256)  # one article is compared with fifty, and each URL is needed for its site and its host
def _parts(url: str) -> Parts | None:
    try:
        return split(url)
    except ValueError:  # '' where the feed gave none
        return None


class _CopyText:
    """The title and the text of one article as words, computed on first use."""

    def __init__(self, title: str, text: str, read: Shingles | None = None) -> None:
        self._title = title
        self._text = text
        self._read = read

    @cached_property
    def title_words(self) -> list[str]:
        return tokens(self._title)

    @cached_property
    def shingles(self) -> Shingles:
        return self._read or _recent.of(self._text)

    def without(self, runs: Runs) -> _CopyText:
        """Return the same article without a site's boilerplate."""
        return _CopyText(self._title, self._text, self.shingles.without(runs))

    def has_title_of(self, other: _CopyText) -> bool:
        return bool(self.title_words) and self.title_words == other.title_words

    def titles_allow_copy(self, other: _CopyText, *, is_same_day: bool) -> bool:
        """Whether on one site the titles allow a copy: of two teasers one title must only add words to the other."""
        mine, theirs = set(self.title_words), set(other.title_words)
        is_within = bool(mine and theirs) and (mine <= theirs or theirs <= mine)
        is_article = max(len(self.shingles.words), len(other.shingles.words)) >= tuning.FULL_ARTICLE_WORDS
        if self.differs_in_title_numbers(other):
            return is_article and is_same_day and self.corrects_title_number_of(other)
        return is_article or is_within

    def headlines_own_part(self, other: _CopyText) -> bool:
        """Whether the headline is about what only this text says, not about what both share (a copy's own headline is about
        the shared part)."""
        held = self.shingles.words_covered_by(other.shingles.distinct)
        both = {word for word, is_held in zip(self.shingles.words, held, strict=True) if is_held}
        title = {word for word in self.title_words if len(word) > 2 or not word.isascii()}
        return len(title & set(self.shingles.words) - both) > len(title & both)

    @cached_property
    def numbers(self) -> set[str]:
        return {word for word in self.shingles.words if word[0].isdigit()}

    def has_other_numbers(self, other: _CopyText) -> bool:
        """Whether most numbers differ, as in weather, markets and daily counts: the sentences stay, the numbers change."""
        fewer, more = sorted((self.numbers, other.numbers), key=len)
        is_enough = len(fewer) >= tuning.CONTRADICTING_NUMBERS
        return is_enough and len(fewer & more) < tuning.SAME_NUMBERS_SHARE * len(fewer)

    def differs_in_title_numbers(self, other: _CopyText) -> bool:
        """Whether the titles differ in their numbers only: "2015: the year in pictures"."""
        mine, theirs = ([word for word in each.title_words if not word[0].isdigit()] for each in (self, other))
        return mine == theirs and self.title_words != other.title_words

    def corrects_title_number_of(self, other: _CopyText) -> bool:
        """Whether the number that changed in the title changed in an otherwise equal text, too: "12 dead" has become "17
        dead"."""
        mine, theirs = ({word for word in each.title_words if word[0].isdigit()} for each in (self, other))
        came, went = mine - theirs, theirs - mine
        is_in_text = came <= self.numbers - other.numbers and went <= other.numbers - self.numbers
        return bool(came and went) and is_in_text and self.shingles.resemblance(other.shingles) >= tuning.ALL_BUT_FACTS

    def is_identical_to(self, other: _CopyText) -> bool:
        return self.title_words == other.title_words and self.shingles.words == other.shingles.words


def _choice(kind: ArticleKind, known: StoredCandidate, similarity: float, why: str) -> StoryChoice:
    return StoryChoice(
        kind=kind,
        story_id=known.story_id,
        of_article_id=known.article_id,
        similarity=similarity,
        why=why,
    )
