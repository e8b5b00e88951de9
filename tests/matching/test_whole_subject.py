"""What an archive teaches of a whole subject: by what is sure to be on it, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.matching.embedders import EmbeddingVector
from monitor.matching.embedding_space import unit
from monitor.matching.ordinary_news import OrdinaryNews
from monitor.matching.tuning import ORDINARY_ARTICLES, SUBJECT_ARTICLES_HALF, SUBJECT_LEARNED_MAX

DIM = 8
SUBJECT, AFFAIR, OTHER = (np.eye(DIM, dtype=np.float32)[at] for at in range(3))
"""What the owner wrote; an affair of the subject that his words do not name; other news."""
SHIPPED = np.array([OTHER, unit(OTHER + np.eye(DIM, dtype=np.float32)[3])], np.float32)


def near(*of: EmbeddingVector, seed: int = 0) -> EmbeddingVector:
    noise = np.random.default_rng(seed).normal(0, 0.05, DIM)
    return np.asarray(unit(np.sum(of, axis=0) + noise), np.float32)


def archive(on_it: int, others: int = 50) -> OrdinaryNews:
    """Reports that name the subject and the affair, and other news."""
    news = OrdinaryNews(SHIPPED)
    for at in range(on_it):
        news.add(at, near(SUBJECT, AFFAIR, seed=at))
    for at in range(others):
        news.add(1000 + at, near(OTHER, seed=1000 + at))
    return news


def weight(news: OrdinaryNews, article: EmbeddingVector, key: int | None = None) -> float:
    return news.subject("war", SUBJECT, article, key).weight


def test_an_affair_of_the_subject_is_raised_and_other_news_lowered() -> None:
    news = archive(40)
    assert weight(news, near(AFFAIR, seed=7)) > 0
    assert weight(news, near(OTHER, seed=8)) < 0


def test_nothing_is_taught_by_an_archive_without_the_subject_and_little_by_few() -> None:
    article = near(AFFAIR, seed=7)
    assert weight(archive(0), article) == 0
    assert 0 < weight(archive(3), article) < weight(archive(40), article) <= SUBJECT_LEARNED_MAX
    half = archive(SUBJECT_ARTICLES_HALF).subject("war", SUBJECT, article)
    assert half.sure == SUBJECT_ARTICLES_HALF


def test_an_article_teaches_nothing_of_itself() -> None:
    """What was sure would otherwise be surer with each reading."""
    alone = OrdinaryNews(SHIPPED, [(1, near(SUBJECT, AFFAIR, seed=1), frozenset())])
    assert weight(alone, near(SUBJECT, AFFAIR, seed=1), key=1) == 0
    assert weight(alone, near(SUBJECT, AFFAIR, seed=1), key=2) > 0


def test_what_it_matched_is_not_sure_by_that() -> None:
    """Matches that the owner's words do not name teach nothing, so that a subject cannot carry itself off."""
    news = OrdinaryNews(SHIPPED)
    for at in range(100):
        news.add(at, near(AFFAIR, seed=at), frozenset({"war"}))
    assert news.subject("war", SUBJECT, near(AFFAIR, seed=500)).sure == 0


def test_it_is_the_same_whether_the_archive_came_before_the_question_or_after() -> None:
    """As after a restart: the sums are kept up, or made anew."""
    article, asked_early = near(AFFAIR, seed=7), OrdinaryNews(SHIPPED)
    asked_early.subject("war", SUBJECT, article)
    for at in range(40):
        asked_early.add(at, near(SUBJECT, AFFAIR, seed=at))
    for at in range(50):
        asked_early.add(1000 + at, near(OTHER, seed=1000 + at))
    one, other = (each.subject("war", SUBJECT, article) for each in (asked_early, archive(40)))
    assert one.sure == other.sure == 40
    assert one.weight == pytest.approx(other.weight, abs=1e-9)


def test_what_the_archive_drops_is_taught_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.matching.ordinary_news.ORDINARY_ARTICLES", 60)
    assert ORDINARY_ARTICLES > 60
    news = archive(40, others=0)
    assert news.subject("war", SUBJECT, OTHER).sure == 40
    for at in range(60):
        news.add(1000 + at, near(OTHER, seed=1000 + at))
    assert news.subject("war", SUBJECT, OTHER).sure == 0


def test_a_topic_that_its_owner_changed_is_taught_anew() -> None:
    news = archive(40)
    assert news.subject("war", SUBJECT, AFFAIR).sure == 40
    assert news.subject("war", OTHER, AFFAIR).sure == 50
