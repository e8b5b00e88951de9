"""How near an article is to what the archive is full of, and the space in which that is measured."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.matching import embedding_space
from monitor.matching.embedding_space import EmbeddingSpace, unit
from monitor.matching.ordinary_news import OrdinaryNews
from monitor.matching.tuning import (
    NEIGHBOURS,
    ORDINARY_ARTICLES,
    ORDINARY_LEVEL,
    ORDINARY_MEASURED_FROM,
    ORDINARY_REFERENCE,
    SHIPPED_ORDINARY_WORTH,
)

DIM = 8
NONE = np.zeros((0, DIM), np.float32)
A, B = (np.eye(DIM, dtype=np.float32)[at] for at in (0, 1))


def test_an_empty_archive_says_nothing() -> None:
    assert OrdinaryNews(NONE).neighbours(A).nearness("t") == ORDINARY_LEVEL


def test_the_nearest_articles_count_and_the_topics_own_matches_do_not() -> None:
    news = OrdinaryNews(
        NONE,
        [(at, A, frozenset({"t"})) for at in range(NEIGHBOURS)]
        + [(10 + at, B, frozenset()) for at in range(NEIGHBOURS)],
    )
    found = news.neighbours(A)
    assert found.nearness("t") == pytest.approx(found.growth)  # the others are as unlike it as can be
    assert found.nearness("other") == pytest.approx(1 + found.growth)


def test_nearness_is_told_as_of_an_archive_of_one_size() -> None:
    """Neighbours are nearer the more articles there are: twice as many articles lower what is added."""
    few, many = OrdinaryNews(NONE), OrdinaryNews(NONE)
    for number in range(ORDINARY_REFERENCE):
        many.add(number, B)
        few.add(number, B) if number < ORDINARY_REFERENCE // 2 else None
    assert many.neighbours(A).growth == pytest.approx(0)
    assert few.neighbours(A).growth > 0
    assert OrdinaryNews(NONE).neighbours(A).growth < 3 * few.neighbours(A).growth + 0.001, "small ones count as of 500"


def test_shipped_clusters_stand_in_for_an_archive() -> None:
    found = OrdinaryNews(np.array([A, B])).neighbours(A)
    assert found.nearness("t") == pytest.approx(0.5 + found.growth)
    assert SHIPPED_ORDINARY_WORTH < ORDINARY_REFERENCE
    assert found.growth > 0


def test_the_first_articles_of_an_archive_count_in_proportion_to_their_number() -> None:
    """They may all be of one subject, and would make every article on it look ordinary."""
    news = OrdinaryNews(np.array([B, B, B, B, B]))
    alone = news.neighbours(A).nearness("t")
    for number in range(ORDINARY_MEASURED_FROM // 2):
        news.add(number, A)
    half = news.neighbours(A)
    full = half.growth + 1.0
    assert half.nearness("t") == pytest.approx((alone + full) / 2)
    for number in range(ORDINARY_MEASURED_FROM):
        news.add(number, A)
    assert news.neighbours(A).nearness("t") == pytest.approx(news.neighbours(A).growth + 1.0)


def test_the_oldest_articles_are_dropped() -> None:
    news = OrdinaryNews(NONE, [(-at, A, frozenset()) for at in range(1, 4)])
    for number in range(ORDINARY_ARTICLES):
        news.add(number, B)
    assert len(news) == ORDINARY_ARTICLES
    assert max(news.neighbours(A).similarities) == 0.0


def test_a_space_takes_off_the_centre_and_what_tells_languages_apart() -> None:
    space = EmbeddingSpace(centre=A, directions=np.array([B]), ordinary=NONE)
    meaning = np.eye(DIM, dtype=np.float32)[2]
    in_english, in_persian = A + 0.1 * meaning, A + 0.1 * meaning + 0.4 * B
    assert space.place(in_english, "en") == pytest.approx(space.place(in_persian, "fa"), abs=1e-6)
    assert np.linalg.norm(space.place(in_persian, "fa")) == pytest.approx(1)


def test_an_embedder_that_was_not_measured_needs_some_articles_first() -> None:
    some = [unit(np.random.default_rng(at).normal(size=DIM).astype(np.float32)) for at in range(40)]
    assert not embedding_space.learned({"en": some[:20]}, DIM).is_known
    assert not embedding_space.learned({}, DIM).is_known
    space = embedding_space.learned({"en": some[:20], "ru": some[20:]}, DIM)
    assert space.is_known
    moved = np.mean([each - space.by_language["ru"] for each in some[20:]], axis=0)
    assert np.linalg.norm(moved) < np.linalg.norm(np.mean(some[20:], axis=0))
    assert space.by_language.keys() == {"en", "ru"}


def test_an_article_is_no_neighbour_of_itself_and_its_matches_are_kept_up_to_date() -> None:
    news = OrdinaryNews(NONE, [(1, A, frozenset()), (2, B, frozenset())])
    assert news.neighbours(A, 1).similarities == (0.0,)
    news.add(1, A, frozenset({"t"}))
    assert len(news) == 2
    assert news.neighbours(A).topics == (frozenset({"t"}), frozenset())
