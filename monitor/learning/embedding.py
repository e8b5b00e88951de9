"""The configured embedder, isolated so that its failures cost no article.

Embedders on this machine are native code that reads untrusted text, so they run in a separate process that is killed past a
time limit and restarted. Embedders over HTTP are called through our client with its address policy. A text that cannot be
embedded yields None, never an error: its article is scored by words. After three failures in a row the embedder is paused,
each time for longer; a text that fails while the embedder works is refused for as long as the process runs.

`Embedding` has its own thread and event loop, so it can be called from any thread; nothing starts before the first call. Calls
are made one at a time and of a size that lets callers take turns (`learning.embedding_batches`). A call goes on when its caller's
time is up, and what it finds is kept for the caller's next attempt: no text is embedded twice because it took long.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta

import numpy as np

from monitor.config.settings import EmbeddingSettings
from monitor.learning.embedder_backends import EmbedderBackend, HttpBackend, LocalBackend
from monitor.learning.embedding_batches import Pace, next_batch
from monitor.matching import embedders
from monitor.matching.embedders import EmbedderError, EmbeddingVector
from monitor.text import urls
from monitor.types import embedding
from monitor.types.embedding import EmbedderSpec
from monitor.types.errors import MonitorError

log = logging.getLogger("monitor.embedding")

_MAX_FAILURES = 3
"""In a row, after which the embedder is paused."""
_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 30.0, 1800.0
_PROBES = ("The river rose after a night of rain.", "Parliament votes on the budget for schools.")
"""Two texts with nothing in common: whoever gives both the same vector embeds nothing."""
_SAME_VECTOR = 1 - 1e-6
"""Cosine from which two vectors are the same, in float32."""
_REFUSED_AFTER = 2
"""Times that a text fails by itself while the embedder works: one time may be an accident."""
_MAX_KEPT, _MAX_REFUSED = 2_000, 10_000
"""Latest vectors, 3 MB with 384 numbers each; texts that failed, by their keys."""


class Embedding:
    """The embedder in force. `id` is '' if there is none or it cannot be used; then `problem` says why."""

    def __init__(
        self,
        settings: EmbeddingSettings,
        *,
        user_agent: str | None = None,
        backend: EmbedderBackend | None = None,
        embedder: str = "",
    ) -> None:
        """`backend` and `embedder` (its id) take the place of what the settings name."""
        self._settings = settings
        self._backend = backend
        self._user_agent = user_agent
        self.spec = embedding.parse(settings.embedder)
        self.dim: int | None = None
        self.problem: str | None = None
        self.id = embedder
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start_lock = threading.Lock()
        self._turn_lock = asyncio.Lock()
        self._turns: set[asyncio.Task[Mapping[str, EmbeddingVector | None]]] = set()
        self._is_closed = False
        self._pace = Pace()
        self._kept: OrderedDict[str, EmbeddingVector] = OrderedDict()
        self._failed_texts: OrderedDict[int, int] = OrderedDict()
        self._failures = 0
        self._pause_seconds = _PAUSE_SECONDS
        self._paused_until = 0.0
        if embedder:
            return
        try:
            if self.spec.kind == "auto":
                self.spec = embedders.default_spec()
            self.id = _identity(self.spec, settings)
        except EmbedderError as error:
            self.problem = str(error)

    @property
    def is_on(self) -> bool:
        """Whether articles are to be embedded at all."""
        return bool(self.id)

    @property
    def threshold(self) -> float | None:
        """The threshold from the settings, if any."""
        return self._settings.threshold

    @property
    def is_paused(self) -> bool:
        """Whether it is paused after repeated failures."""
        return time.monotonic() < self._paused_until

    @property
    def is_available(self) -> bool:
        """Whether it can be asked now, as far as is known."""
        return self.is_on and not self.is_paused and not self._is_closed

    def refuses(self, text: str) -> bool:
        """Whether this text cannot be embedded although the embedder works."""
        return self._failed_texts.get(embedders.key(text), 0) >= _REFUSED_AFTER

    def ask_through(self, wrap: Callable[[EmbedderBackend], EmbedderBackend]) -> None:
        """Put something between this and the embedder, such as a file of known embeddings. Before the first call."""
        self._backend = wrap(self._open())

    def probe(self) -> int | None:
        """The dimension of its vectors, embedding two test sentences if it is not known yet; None if the embedder does not work."""
        if self.dim is None and self.is_on:
            self.vectors(_PROBES)
        return self.dim

    def vectors(self, texts: Sequence[str], *, within_for: timedelta | None = None) -> list[EmbeddingVector | None]:
        """A unit vector for each text; None where it failed or was not ready within `within_for`. Blocks."""
        return self.submit(texts, within_for=within_for).result()

    def submit(
        self, texts: Sequence[str], *, within_for: timedelta | None = None
    ) -> Future[list[EmbeddingVector | None]]:
        """As `vectors`, without blocking; on an event loop, await it with `asyncio.wrap_future`. All None once closed."""
        with self._start_lock:
            if self._is_closed:
                nothing: Future[list[EmbeddingVector | None]] = Future()
                nothing.set_result([None] * len(texts))
                return nothing
            return asyncio.run_coroutine_threadsafe(self._embed_all(tuple(texts), within_for), self._running_loop())

    def close(self) -> None:
        """End process, thread and connections. Whoever waits for vectors gets None for what is not there yet."""
        with self._start_lock:
            self._is_closed = True
            loop, self._loop = self._loop, None
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()

    async def _end(self) -> None:
        for turn in self._turns:
            turn.cancel()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*waiting, return_exceptions=True)
        if self._backend is not None:
            await self._backend.aclose()

    # --- on its own loop ------------------------------------------------------------------------------------------

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="embedding", daemon=True)
            self._thread.start()
        return self._loop

    async def _embed_all(self, texts: tuple[str, ...], within_for: timedelta | None) -> list[EmbeddingVector | None]:
        ends_at = time.monotonic() + within_for.total_seconds() if within_for is not None else float("inf")
        found: dict[str, EmbeddingVector | None] = {each: self._kept[each] for each in texts if each in self._kept}
        waiting = sorted({each for each in texts if each and each not in found}, key=lambda each: (len(each), each))
        while waiting and not self._is_closed:
            answer = await self._turn(waiting, ends_at)
            if not answer:
                break
            found.update(answer)
            waiting = [each for each in waiting if each not in answer]
        return [found.get(each) for each in texts]

    async def _turn(self, waiting: Sequence[str], ends_at: float) -> Mapping[str, EmbeddingVector | None]:
        """The vectors of one batch; none where the time is up or the embedder is paused. A call under way goes on without us."""
        turn = asyncio.create_task(self._embed_next(waiting, ends_at))
        self._turns.add(turn)
        turn.add_done_callback(self._turns.discard)
        left = ends_at - time.monotonic()
        await asyncio.wait({turn}, timeout=None if left == float("inf") else max(left, 0))
        return turn.result() if turn.done() and not turn.cancelled() else {}

    async def _embed_next(self, waiting: Sequence[str], ends_at: float) -> Mapping[str, EmbeddingVector | None]:
        async with self._turn_lock:
            left = ends_at - time.monotonic()
            if left <= 0 or not self.is_available:
                return {}
            fresh = [each for each in waiting if each not in self._kept]
            batch = next_batch(fresh, self._pace, seconds_left=left, limit_seconds=self._settings.limit_seconds)
            known = {each: self._kept[each] for each in waiting if each in self._kept}
            found = await self._embed_batch(batch) if batch else {}
            for text, vector in found.items():
                self._keep(text, vector)
            return {**known, **found}

    def _keep(self, text: str, vector: EmbeddingVector | None) -> None:
        if vector is not None:
            self._kept[text] = vector
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)

    async def _embed_batch(self, texts: list[str]) -> dict[str, EmbeddingVector | None]:
        """If the batch fails as a whole, each text is tried alone, so that one that crashes the embedder costs no other."""
        rows = await self._request(texts)
        if rows is None:
            return {each: await self._embed_alone(each) for each in texts}
        for text, row in zip(texts, rows, strict=True):
            if row is None:
                await self._note_failed(text)
        return dict(zip(texts, rows, strict=True))

    async def _embed_alone(self, text: str) -> EmbeddingVector | None:
        if not self.is_available:
            return None
        rows = await self._request([text])
        if rows is None:
            await self._note_failed(text)
        return rows[0] if rows else None

    async def _note_failed(self, text: str) -> None:
        """Count the failure of a text, where it is not the embedder's own."""
        if not self.is_available or await self._request(_PROBES) is None:
            return
        text_key = embedders.key(text)
        self._failed_texts[text_key] = self._failed_texts.pop(text_key, 0) + 1
        if self._failed_texts[text_key] == _REFUSED_AFTER:
            log.warning("the embedder works, and cannot embed one text; its article is matched by words alone")
        if len(self._failed_texts) > _MAX_REFUSED:
            self._failed_texts.popitem(last=False)

    async def _request(self, texts: Sequence[str]) -> list[EmbeddingVector | None] | None:
        began = time.monotonic()
        answer = await self._ask(texts)
        if answer is None or await self._is_constant(texts, answer):
            return None
        self._pace.note(texts, time.monotonic() - began)
        self.dim = next(len(each) for each in answer if each is not None)
        self._failures, self._pause_seconds, self.problem = 0, _PAUSE_SECONDS, None
        return answer

    async def _ask(self, texts: Sequence[str]) -> list[EmbeddingVector | None] | None:
        try:
            answer = embedders.validated(await self._open().ask(texts), len(texts), self.dim)
        except MonitorError as error:
            self._note_failure(str(error))
            return None
        except Exception as error:  # raised by a third-party package in the worker process
            self._note_failure(f"{type(error).__name__}: {error}"[:400])
            return None
        if all(each is None for each in answer):
            self._note_failure("it answers with numbers that are no vectors")
            return None
        return answer

    async def _is_constant(self, texts: Sequence[str], answer: Sequence[EmbeddingVector | None]) -> bool:
        """Whether it gives all texts the same vector. Where these and the last one before them have one, the probes tell."""
        rows = {text: row for text, row in zip(texts, answer, strict=True) if row is not None}
        if self._kept:
            rows |= dict([next(reversed(self._kept.items()))])
        if not _are_same(list(rows.values())):
            return False
        if set(texts) != set(_PROBES):
            probed = await self._ask(_PROBES)
            if probed is None:
                return True
            if not _are_same([each for each in probed if each is not None]):
                return False
        self._note_failure("it gives different texts the same vector")
        return True

    def _note_failure(self, why: str) -> None:
        self._failures += 1
        log.log(logging.WARNING if self._failures <= _MAX_FAILURES else logging.DEBUG, "the embedder failed: %s", why)
        if self._failures >= _MAX_FAILURES:
            if self.problem is None:
                log.error("the embedder %s is left alone for a while, articles are scored by words alone", self.id)
            self.problem = why
            self._paused_until = time.monotonic() + self._pause_seconds
            self._pause_seconds = min(2 * self._pause_seconds, _MAX_PAUSE_SECONDS)

    def _open(self) -> EmbedderBackend:
        if self._backend is None:
            is_http = self.spec.kind == "http"
            self._backend = (
                HttpBackend(self.spec, self._settings, self._user_agent)
                if is_http
                else LocalBackend(self.spec, self._settings)
            )
        return self._backend


def _identity(spec: EmbedderSpec, settings: EmbeddingSettings) -> str:
    if spec.kind == "none":
        return ""
    if spec.kind == "http":
        named = (urls.host(spec.name), settings.model, settings.prefix.strip(), embedders.EXCERPT_VERSION)
        return "/".join(("http", *(each for each in named if each)))[:200]
    return embedders.identity(EmbedderSpec(spec.kind, spec.name, settings.prefix))[:200]


def _are_same(rows: Sequence[EmbeddingVector]) -> bool:
    """Whether these vectors are one; a single one may always be."""
    return all(len(each) == len(rows[0]) and float(np.dot(each, rows[0])) > _SAME_VECTOR for each in rows[1:])
