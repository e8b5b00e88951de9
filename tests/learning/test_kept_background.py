"""Word statistics that are kept beside the store are those that would be counted, or are counted."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.learning import kept_background, kept_file, training
from monitor.matching import background as counted
from monitor.matching.background import Background
from monitor.store.db import Database, path_of
from monitor.store.tables.articles import ArticleRow
from monitor.types.matching import Seed, Topic

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = (
    "ferry harbour storm captain rescue budget election goal minister bank price snow school court border grain".split()
)
SLOVA = "паром гавань шторм капитан бюджет выборы гол министр банк цена снег школа суд граница зерно газ".split()
ARTICLES = [
    (f"{words[at % 16]} {words[at * 3 % 16]} {at}", " ".join(words[at * step % 16] for step in range(1, 9)), language)
    for at in range(60)
    for words, language in ((WORDS, "en"), (SLOVA, "ru"))
] + [("کشتی در طوفان", "ناخدا کمک خواست \ud800", "fa")]
FERRY = Topic(name="ferry", title="Ferry", seeds=(Seed(file="a", title="Ferry", text="Ferry aground", language="en"),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where statistics of these articles are kept."""
    found = tmp_path / "monitor.db.words"
    kept_background.keep(kept_background.background(ARTICLES, found), found)
    return found


def tables(of: Background) -> list[object]:
    found = {each: of.table(each) for each in ("en", "ru", "fa", "de")}
    return [
        (dict(each.idf), each.idf.unseen, list(each.ordinary.items()), each.assumed, language)
        for language, each in found.items()
    ]


def test_what_is_kept_is_what_would_be_counted_to_the_last_bit(path: Path) -> None:
    found, anew = kept_background.background(ARTICLES, path), Background(ARTICLES)
    assert found.digest == anew.digest
    assert found.table("ru") == anew.table("ru")
    assert not found.is_counted
    assert tables(found) == tables(anew)


def test_a_language_of_few_articles_is_counted_when_it_is_asked_for_and_kept_from_then_on(path: Path) -> None:
    found = kept_background.background(ARTICLES, path)
    found.table("de")
    assert not found.is_counted
    found.table("fa")
    assert found.is_counted
    kept_background.keep(found, path)
    again = kept_background.background(ARTICLES, path)
    assert tables(again) == tables(Background(ARTICLES))
    assert not again.is_counted


def test_other_articles_are_counted(path: Path) -> None:
    others = [*ARTICLES[1:], ("Snow", "Snow closes the school", "en")]
    assert kept_background.background(others, path).digest == Background(others).digest != Background(ARTICLES).digest


def test_other_code_counts_for_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_file, "code_key", lambda: b"another release")
    assert kept_background.background(ARTICLES, path).is_counted


@pytest.mark.parametrize("damage", ["cut off", "changed", "too long", "unreadable"])
def test_a_damaged_file_is_not_used_named_once_and_replaced(
    damage: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = path.read_bytes()
    if damage == "unreadable":
        path.unlink()
        path.mkdir()
    else:
        length = kept_background._MAX_BYTES + 1 if damage == "too long" else len(whole)
        damaged = {"cut off": whole[:-9], "changed": whole[:-9] + b"x" + whole[-8:], "too long": whole.ljust(length)}
        path.write_bytes(damaged[damage])
    with caplog.at_level(logging.WARNING):
        found = kept_background.background(ARTICLES, path)
    assert tables(found) == tables(Background(ARTICLES))
    assert [path.name in each.getMessage() for each in caplog.records] == [True]
    kept_background.keep(found, path)
    assert kept_background.background(ARTICLES, path).is_counted == (damage == "unreadable")
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_is_kept_is_for_the_owner_of_the_store_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    nowhere = tmp_path / "none" / "monitor.db.words"
    found = kept_background.background(ARTICLES, nowhere)
    kept_background.keep(found, nowhere)
    assert found.digest == Background(ARTICLES).digest


def test_articles_are_counted_once_for_all_starts_on_sqlite(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.writing() as session:
        for number, (title, text, language) in enumerate(ARTICLES[:-1], 1):
            key = {"url_key": number, "text_key": number, "title_key": number}
            row = ArticleRow(id=number, story_id=number, url="", title=title, text=text, language=language, **key)
            row.grade, row.published_at, row.seen_at = "partial", NOON, NOON
            session.add(row)
    shipped, counts = Background.shipped().digest, list[int]()
    count = counted._article_weights
    monkeypatch.setattr(counted, "_article_weights", lambda *given: counts.append(1) or count(*given))
    with db.reading() as session:
        built = [training.build_matcher(session, [FERRY]) for _ in range(3)]
        is_file = path_of(session) is not None
    assert {each.model("ferry").version for each in built} == {built[0].model("ferry").version}
    assert built[0].background.digest == built[2].background.digest != shipped
    assert sum(counts) == (1 if is_file else 3)
    assert is_file == db.is_sqlite
