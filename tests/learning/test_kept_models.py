"""Topic models that are kept beside the store are those that would be learned, or are learned."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.learning import kept_file, kept_models, training
from monitor.matching import matcher, model
from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.matching.model import TopicModel
from monitor.store.db import Database, path_of
from monitor.types.matching import Example, Seed, Topic

BACKGROUND = Background.shipped()
NOUNS = "ferry harbour storm captain rescue budget election goal minister bank price snow school court border".split()
SLOVA = "паром гавань шторм капитан бюджет выборы гол министр банк цена снег школа суд граница зерно".split()
ARTICLE = ("Ferry in a storm", "The captain of the ferry asked for rescue in the storm at the harbour.", "en")


def topics_of(count: int) -> list[Topic]:
    """Topics of every make: with and without a sentence, in one language and in two, with a counter-seed, with none at all."""
    return [_topic(at) for at in range(count)]


def _topic(at: int) -> Topic:
    words, slova = ([of[at * step % 15] for step in range(1, 9)] for of in (NOUNS, SLOVA))
    english = Seed(file="a.txt", title=" ".join(words[:3]), text=" ".join(words), language="en")
    russian = Seed(file="b.txt", title=" ".join(slova[:3]), text=" ".join(slova), language="ru")
    unwanted = Seed(file="c\udcff.txt", title=" ".join(words[2:5]), text="\ud800 snow", language="en", is_counter=True)
    seeds = ((english,), (english, russian), (english, unwanted), (), (english, replace(english, file="copy.txt")))
    sentence = "" if at % 2 else f"The {words[1]} of the {words[2]} and what becomes of it {at}"
    return Topic(name=f"t{at}", title=f"Topic {at}", seeds=seeds[at % 5], description=sentence)


TOPICS = topics_of(20)


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_models, "KEPT_FROM", 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the models of these topics are kept."""
    found = tmp_path / "monitor.db.topics"
    kept_models.keep(learned().models, {}, found)
    return found


def learned(topics: list[Topic] = TOPICS) -> Matcher:
    return build(topics, background=BACKGROUND)


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of the examples whose words are weighed from now on."""
    found: list[str] = []
    weigh = model.example_vector

    def counted(article: Seed | Example, background: Background) -> model.ExampleVector:
        found.append(article.file if isinstance(article, Seed) else "(match)")
        return weigh(article, background)

    monkeypatch.setattr(model, "example_vector", counted)
    return found


def read(path: Path) -> dict[str, TopicModel]:
    return dict(kept_models.read(path, topics=len(TOPICS)))


def test_what_is_kept_is_what_would_be_learned_to_the_last_bit(path: Path, lessons: list[str]) -> None:
    anew = learned()
    lessons.clear()
    found = build(TOPICS, background=BACKGROUND, known=read(path))
    assert lessons == []
    assert found.models == anew.models
    assert found.score(*ARTICLE) == anew.score(*ARTICLE)
    one = next(each for each in found.models if len(each.sides) == 2)
    assert len({id(side) for side in one.sides.values()}) == 1, "one vector serves both"


def test_a_changed_topic_is_learned_and_the_others_are_read(path: Path, lessons: list[str]) -> None:
    changed = replace(TOPICS[1], title="Another title", description="What the ferry does in winter")
    found = build([changed, *TOPICS[2:]], background=BACKGROUND, known=read(path))
    assert found.models[0].topic == changed
    assert lessons == ["a.txt", "b.txt", model.SENTENCE_FILE]


def test_a_verdict_a_lesson_or_other_word_statistics_are_learned(path: Path, lessons: list[str]) -> None:
    match = Example(topic="t5", title=ARTICLE[0], text=ARTICLE[1], language="en", is_relevant=True)
    known, one = read(path), [TOPICS[5]]
    for reviewed, trained in (([match], []), ([], [match])):
        found = build(one, background=BACKGROUND, examples=reviewed, self_trained=trained, known=known)
        assert found.models == build(one, background=BACKGROUND, examples=reviewed, self_trained=trained).models
    lessons.clear()
    build(one, background=Background([ARTICLE] * 3), known=known)
    assert lessons


def test_a_threshold_that_was_set_anew_is_set_on_what_was_kept(path: Path) -> None:
    found = build(TOPICS, background=BACKGROUND, known=read(path), factors={"t0": 1.3}, quotas={"t1": 4})
    assert found.models == build(TOPICS, background=BACKGROUND, factors={"t0": 1.3}, quotas={"t1": 4}).models


def test_other_code_learns_for_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_file, "code_key", lambda: b"another release")
    assert read(path) == {}


def test_few_topics_are_not_kept(tmp_path: Path) -> None:
    nothing = tmp_path / "monitor.db.topics"
    kept_models.keep(learned(TOPICS[:2]).models, {}, nothing)
    assert not nothing.exists()


@pytest.mark.parametrize("damage", ["cut off", "changed", "too long", "unreadable", "of another make"])
def test_a_damaged_file_is_not_used_named_once_and_replaced(
    damage: str, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = path.read_bytes()
    if damage == "unreadable":
        path.unlink()
        path.mkdir()
    elif damage == "of another make":
        kept_file.write(path, kept_models._key(), b"no arrays")
    elif damage == "too long":
        monkeypatch.setattr(kept_models, "_MAX_BYTES", len(whole) - 1)
    else:
        path.write_bytes(whole[:-9] + (b"x" + whole[-8:] if damage == "changed" else b""))
    with caplog.at_level(logging.WARNING):
        found = read(path)
    assert found == {}
    assert [path.name in each.getMessage() for each in caplog.records] == [True]
    monkeypatch.undo()
    monkeypatch.setattr(kept_models, "KEPT_FROM", 3)
    kept_models.keep(learned().models, found, path)
    assert len(read(path)) == (0 if damage == "unreadable" else len(TOPICS))


def test_what_is_kept_is_for_the_owner_of_the_store_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0


def test_topics_are_learned_once_for_all_starts_on_sqlite(db: Database, lessons: list[str]) -> None:
    with db.reading() as session:
        first = training.build_matcher(session, TOPICS)
        once = len(lessons)
        again = training.build_matcher(session, TOPICS)
        is_file = path_of(session) is not None
        kept = {each.base for each in first.models}
        assert again.models == first.models
        assert len(lessons) == (once if is_file else 2 * once)
        training.build_matcher(session, TOPICS[1:])
        if is_file:
            beside = kept_file.path_beside(path_of(session), kept_models.SUFFIX)
            assert beside is not None
            assert kept - read(beside).keys() == {first.models[0].base}, "a topic that was removed is not kept"
    assert isinstance(again, matcher.Matcher)
