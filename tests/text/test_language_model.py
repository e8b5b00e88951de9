"""The language model as it is kept: the answers of py3langid to the letter, unpacked once for all processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier, visit_counts

from monitor.text import language_model
from tests.text.test_language import HEADLINES

TEXTS = (
    *HEADLINES.values(),
    "",
    "7",
    "\ud800",
    "MOSCOW",
    "Привет, Moscow und Köln " * 40,
    "".join(map(chr, range(0x20, 0x3000))),
)


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Byte code, and what is kept beside it, goes into a folder of the test's own."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return language_model.kept_at(MODEL_DIR / MODEL_FILE)


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The model files that were unpacked meanwhile."""
    found: list[Path] = []

    def load_model(path: Path) -> Any:
        found.append(path)
        return unpack(path)

    unpack = language_model.load_model
    monkeypatch.setattr(language_model, "load_model", load_model)
    return found


def test_it_answers_as_the_package_does_when_unpacked_and_when_kept(unpacked: list[Path]) -> None:
    said = LanguageIdentifier.from_model_file(MODEL_FILE)
    first, second = language_model.load(), language_model.load()
    assert len(unpacked) == 1
    for text in TEXTS:
        assert first.rank(text) == second.rank(text) == said.rank(text)
    assert second.labels == said.labels


def test_texts_read_at_once_have_the_features_that_the_package_counts_one_by_one() -> None:
    ours, said = language_model.load(), LanguageIdentifier.from_model_file(MODEL_FILE)
    for text, found in zip(TEXTS, ours.features(TEXTS), strict=True):
        counts = visit_counts(said.tk_nextmove, said._rowbase, said.tk_output, said._encode(text)) or {}
        assert dict(zip(found.numbers.tolist(), found.weights.tolist(), strict=True)) == {
            number: np.log1p(np.float32(counts[number])) for number in sorted(counts)
        }


def test_a_few_languages_have_the_likelihoods_that_they_have_among_all() -> None:
    model = language_model.load()
    columns = np.array([model.nb_classes.index(each) for each in ("fr", "en", "ru")])
    for text, found in zip(HEADLINES.values(), model.features(list(HEADLINES.values())), strict=True):
        expected = [model.scores(text)[each] for each in ("fr", "en", "ru")]
        assert model.log_likelihoods(found, columns).tolist() == pytest.approx(expected, abs=1e-2)


def test_what_is_kept_can_be_read_by_every_user_as_byte_code_can(beside: Path) -> None:
    language_model.load()
    assert beside.stat().st_mode & 0o777 == 0o755
    assert [each.name for each in beside.parent.iterdir()] == [beside.name]


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_a_damaged_file_is_made_anew(damage: bytes | None, beside: Path, unpacked: list[Path]) -> None:
    language_model.load()
    for file in list(beside.iterdir())[:2]:
        file.write_bytes(damage) if damage is not None else file.unlink()
    language_model.load()
    language_model.load()
    assert len(unpacked) == 2


def test_a_model_of_another_version_is_unpacked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unpacked: list[Path]
) -> None:
    language_model.load()
    newer = tmp_path / "newer.xz"
    newer.write_bytes((MODEL_DIR / MODEL_FILE).read_bytes())
    os.utime(newer, (1, 1))
    monkeypatch.setattr(language_model, "MODEL_FILE", newer)
    language_model.load()
    assert unpacked == [MODEL_DIR / MODEL_FILE, newer]


def test_nothing_is_kept_where_no_byte_code_is_to_be_written(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert language_model.load().classify(HEADLINES["fr"])[0] == "fr"
    assert not beside.exists()


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    monkeypatch.setattr(sys, "pycache_prefix", str(no_folder))
    assert language_model.load().classify(HEADLINES["fr"])[0] == "fr"
