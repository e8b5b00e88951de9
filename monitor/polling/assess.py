"""All that can be said of an article without the store: its fingerprint, every topic's score, the profile of its event.

Costly in processor time and so done before the transaction that ends a poll. Knows no database and no feed document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from monitor.learning.multilingual import SemanticScorer
from monitor.matching.matcher import Matcher, Tracker
from monitor.polling.values import AssessedArticle
from monitor.store.articles import Sighting
from monitor.stories.agencies import credit
from monitor.stories.fingerprint import fingerprint
from monitor.stories.profiles import Profile, profile
from monitor.types.matching import Article, Grade, Score
from monitor.types.stories import Arrival

_ALL_SCORES_UP_TO = 500
"""Topics; of more an article keeps the scores of those that matched only."""


def assess(
    article: Article,
    matcher: Matcher | Tracker,
    *,
    arrival: Arrival,
    sighting: Sighting | None = None,
    across: SemanticScorer | None = None,
) -> AssessedArticle:
    """All that can be said of an article without the store. A wall's text is never matched as if it were the article's.

    With `across` topics are matched by meaning too, in languages in which they have no seed.
    """
    is_wall = article.grade is Grade.WALL
    article = replace(article, wire=credit(article.author, "" if is_wall else article.text))
    scores = () if is_wall else _scores(article, matcher)
    meant = across.meant(article) if across and not is_wall else None
    if across and meant:
        scores = across.improve(scores, article, meant, factor_of=_factors(matcher))
    elif across and any(each.is_match for each in scores):
        meant = across.look_closer(article)
    return AssessedArticle(
        article=article,
        fingerprint=fingerprint(article.title, "" if is_wall else article.text),
        scores=scores,
        profile=Profile() if is_wall else _profile(article, scores, matcher),
        arrival=arrival,
        sighting=sighting,
        meant=meant,
    )


def confirm_stored(judged: Sequence[AssessedArticle], matcher: Matcher | Tracker) -> None:
    """Tell a tracker that what these taught is in the store now; call it after the transaction."""
    if isinstance(matcher, Tracker):
        for each in judged:
            matcher.stored(each.article.title, each.article.text, each.article.language, each.scores)


def _scores(article: Article, matcher: Matcher | Tracker) -> tuple[Score, ...]:
    """Every topic's, so that `explain` can tell how near it came; of very many topics those that matched."""
    ask = matcher.score if len(matcher.topics) <= _ALL_SCORES_UP_TO else matcher.matches
    return ask(article.title, article.text, article.language)


def _factors(matcher: Matcher | Tracker) -> Callable[[str], float | None]:
    """What a topic's sensitivity multiplies its threshold by; None of one that is not followed any more."""
    known = matcher.matcher if isinstance(matcher, Tracker) else matcher
    names = {each.name for each in known.topics}
    return lambda topic: known.model(topic).factor if topic in names else None


def _profile(article: Article, scores: Sequence[Score], matcher: Matcher | Tracker) -> Profile:
    """What tells its event: not the words that every article of its topics carries."""
    if isinstance(matcher, Tracker):
        matcher = matcher.matcher
    themes = [matcher.themes(each.topic, article.language) for each in scores if each.is_match]
    return profile(article, matcher.rarity(article.language), themes=frozenset().union(*themes))
