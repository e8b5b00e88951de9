"""Assess an article without the database: scores on every topic, fingerprint, and profile of its event.

This takes processor time, so it is done before the transaction that ends a poll.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.learning.multilingual import SemanticScorer
from monitor.learning.tracker import Tracker
from monitor.matching.matcher import Matcher
from monitor.polling.values import AssessedArticle
from monitor.store.articles import Sighting
from monitor.stories.agencies import credited_agency
from monitor.stories.fingerprint import fingerprint
from monitor.stories.profiles import Profile, profile
from monitor.types.matching import Article, Evidence, Grade, Score
from monitor.types.stories import Arrival

_ALL_SCORES_UP_TO = 500
"""Topics; with more of them, only the scores of those that matched are kept."""


def assess(
    article: Article,
    matcher: Matcher | Tracker,
    *,
    arrival: Arrival,
    sighting: Sighting | None = None,
    semantic: SemanticScorer | None = None,
    stored_id: int | None = None,
) -> AssessedArticle:
    """Assess one article. The text of a wall (consent, paywall, login page) is neither matched nor fingerprinted.

    With `semantic`, topics are matched by meaning, too, in every language; where the article's embedding is still being made, they
    wait for it (`AssessedArticle.waits_for`), and none is trained on the article. `stored_id`: the stored article that is assessed
    again.
    """
    is_wall = article.grade is Grade.WALL
    agency = credited_agency(article.author, "" if is_wall else article.text)
    article = replace(article, agency=agency) if agency != article.agency else article
    waits_for = semantic.waits_for(article) if semantic and not is_wall else frozenset()
    scores = () if is_wall else _scores(article, _matcher(matcher))
    embedding = semantic.embedding_of(article) if semantic and not is_wall else None
    if semantic:
        scores = semantic.rescore(scores, article, embedding, _matcher(matcher))
    if waits_for:
        scores = tuple(replace(each, self_training_weight=0.0) for each in scores)
    elif isinstance(matcher, Tracker):
        scores = matcher.learn(article.title, article.text, article.language, scores)
    return AssessedArticle(
        article=article,
        fingerprint=fingerprint(article.title, "" if is_wall else article.text),
        scores=tuple(_undecided(each) if each.topic in waits_for else each for each in scores),
        profile=Profile() if is_wall else _profile(article, scores, matcher),
        arrival=arrival,
        sighting=sighting,
        embedding=embedding,
        is_unembedded=semantic is not None and semantic.is_missing(article),
        waits_for=waits_for,
        would_match=frozenset(each.topic for each in scores if each.is_match and each.topic in waits_for),
        stored_id=stored_id,
    )


def _undecided(score: Score) -> Score:
    """A score by words of a topic that waits for the article's embedding: neither a match nor an example."""
    return replace(score, is_match=False, blocked=None, evidence=Evidence(), self_training_weight=0.0)


def confirm_stored(assessed: Sequence[AssessedArticle], matcher: Matcher | Tracker) -> None:
    """Tell the matcher that these articles are stored; call it after the transaction."""
    for each in assessed:
        if isinstance(matcher, Tracker):
            matcher.mark_stored(each.article.title, each.article.text, each.article.language, each.scores)


def _scores(article: Article, matcher: Matcher) -> tuple[Score, ...]:
    """Return the scores of all topics, so that `explain` can show near ones; with very many topics, of those that matched."""
    score_topics = matcher.score if len(matcher.topics) <= _ALL_SCORES_UP_TO else matcher.matches
    return score_topics(article.title, article.text, article.language)


def _matcher(matcher: Matcher | Tracker) -> Matcher:
    return matcher.matcher if isinstance(matcher, Tracker) else matcher


def _profile(article: Article, scores: Sequence[Score], matcher: Matcher | Tracker) -> Profile:
    """Profile the article without the words that every article of its topics has."""
    matcher = _matcher(matcher)
    themes = [matcher.themes(each.topic, article.language) for each in scores if each.is_match]
    return profile(article, matcher.rarity(article.language), themes=frozenset().union(*themes))
