"""The configured embedder, isolated so that its failures cost no article.

Embedders on this machine are native code that reads untrusted text, so they run in a separate process that is killed past a
time limit and restarted. Embedders over HTTP are called through our client with its address policy. A text that cannot be
embedded yields None, never an error: its article is scored lexically. After three failures in a row the embedder is paused,
each time for longer.

`Embedding` has its own thread and event loop, so it can be called from any thread; nothing starts before the first call.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import Any, Protocol

from monitor.config.settings import EmbeddingSettings
from monitor.matching import embedders
from monitor.matching.embedders import EmbedderError, EmbedderSpec, EmbeddingVector
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.net.http import HttpClient
from monitor.reading.workers import Workers
from monitor.text import urls
from monitor.types.errors import MonitorError

log = logging.getLogger("monitor.embedding")

EMBEDDING_BATCH = 16
"""Texts in a call: about a second of one core."""
_ANSWER_BYTES = 16_000_000
_MAX_FAILURES = 3
"""In a row, after which the embedder is paused."""
_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 30.0, 1800.0
_MEMORY_MB = 2048
_PROBE = "The river rose after a night of rain."


class EmbedderBackend(Protocol):
    """What an embedder runs on: a process on this machine, or an HTTP service."""

    async def ask(self, texts: Sequence[str]) -> Any:
        """The embedder's answer, unchecked: one row for each text. Raises whatever went wrong."""

    async def aclose(self) -> None: ...


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
        self.spec = embedders.parse(settings.embedder)
        self.dim: int | None = None
        self.problem: str | None = None
        self.id = embedder
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start_lock = threading.Lock()
        self._batch_lock = asyncio.Lock()
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

    def ask_through(self, wrap: Callable[[EmbedderBackend], EmbedderBackend]) -> None:
        """Put something between this and the embedder, such as a file of known embeddings. Before the first call."""
        self._backend = wrap(self._open())

    def probe(self) -> int | None:
        """The dimension of its vectors, embedding a test sentence if it is not known yet; None if the embedder does not work."""
        if self.dim is None and self.is_on:
            self.vectors([_PROBE])
        return self.dim

    def vectors(self, texts: Sequence[str], *, within_for: timedelta | None = None) -> list[EmbeddingVector | None]:
        """A unit vector for each text; None where it failed or was not ready within `within_for`. Blocks."""
        return self.submit(texts, within_for=within_for).result()

    def submit(
        self, texts: Sequence[str], *, within_for: timedelta | None = None
    ) -> Future[list[EmbeddingVector | None]]:
        """As `vectors`, without blocking; on an event loop, await it with `asyncio.wrap_future`."""
        return asyncio.run_coroutine_threadsafe(self._embed_all(tuple(texts), within_for), self._running_loop())

    def close(self) -> None:
        """End process, thread and connections."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()

    async def _end(self) -> None:
        asked = asyncio.all_tasks() - {asyncio.current_task()}
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        if self._backend is not None:
            await self._backend.aclose()

    # --- on its own loop ------------------------------------------------------------------------------------------

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._start_lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="embedding", daemon=True)
                self._thread.start()
            return self._loop

    async def _embed_all(self, texts: tuple[str, ...], within_for: timedelta | None) -> list[EmbeddingVector | None]:
        ends_at = time.monotonic() + within_for.total_seconds() if within_for is not None else float("inf")
        found: list[EmbeddingVector | None] = [None] * len(texts)
        wanted = [at for at, text in enumerate(texts) if text]
        for start in range(0, len(wanted), EMBEDDING_BATCH):
            places = wanted[start : start + EMBEDDING_BATCH]
            async with self._batch_lock:  # for one batch only, so that polls take turns
                if time.monotonic() >= ends_at or not self._is_available():
                    break
                answer = await self._embed_batch([texts[at] for at in places], ends_at)
            for at, vector in zip(places, answer, strict=True):
                found[at] = vector
        return found

    def _is_available(self) -> bool:
        return self.is_on and not self.is_paused

    async def _embed_batch(self, texts: list[str], ends_at: float) -> list[EmbeddingVector | None]:
        """If the batch fails as a whole, each text is tried alone, so that one that crashes the embedder costs no other."""
        whole = await self._request(texts)
        if whole is not None:
            return whole
        found: list[EmbeddingVector | None] = [None] * len(texts)
        for at, text in enumerate(texts):
            if len(texts) == 1 or time.monotonic() >= ends_at or not self._is_available():
                break
            alone = await self._request([text])
            found[at] = alone[0] if alone else None
        return found

    async def _request(self, texts: list[str]) -> list[EmbeddingVector | None] | None:
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
        self.dim = next(len(each) for each in answer if each is not None)
        self._failures, self._pause_seconds, self.problem = 0, _PAUSE_SECONDS, None
        return answer

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


class LocalBackend:
    """An embedder in a separate process that keeps its model loaded. A crash or a timeout only costs that process."""

    def __init__(
        self,
        spec: EmbedderSpec,
        settings: EmbeddingSettings,
        ask: Callable[[EmbedderSpec, Sequence[str]], Any] = embedders.embed,
    ) -> None:
        self._spec = EmbedderSpec(spec.kind, spec.name, settings.prefix)
        self._function = ask
        self._workers = Workers(
            processes=1,
            limit_for=timedelta(seconds=settings.limit_seconds),
            memory_mb=_MEMORY_MB,
            preload=("monitor.matching.embedders",),
            counts_processor_time=False,  # models compute on several threads
        )

    async def ask(self, texts: Sequence[str]) -> Any:
        """As `embedders.embed`. Raises ParseError if the process was killed or died."""
        return await self._workers.run(self._function, self._spec, tuple(texts))

    async def aclose(self) -> None:
        """End the process."""
        await asyncio.to_thread(self._workers.close)


class HttpBackend:
    """An embedder with OpenAI's API: POST {"model", "input"}, answer {"data": [{"index", "embedding"}]}.

    The key is sent in a header and never part of an error: errors name the host and the status.
    """

    def __init__(self, spec: EmbedderSpec, settings: EmbeddingSettings, user_agent: str | None = None) -> None:
        self._url, self._model, self._prefix = spec.name, settings.model, settings.prefix
        self._key = settings.api_key
        self._limit_for = timedelta(seconds=settings.limit_seconds)
        self._client = HttpClient(
            policy=AddressPolicy(allowed=PRIVATE_NETWORKS if settings.allow_private else ()), user_agent=user_agent
        )

    async def ask(self, texts: Sequence[str]) -> Any:
        """Rows in the order of the texts. Raises FetchError, EmbedderError."""
        body = json.dumps({"model": self._model, "input": [self._prefix + each for each in texts]}).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Content-Length": str(len(body))}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        async with self._client.exchange(
            "POST", self._url, headers=headers, body=body, limit_for=self._limit_for
        ) as reply:
            answer, is_whole = await reply.read(_ANSWER_BYTES)
            status = reply.status
        host = urls.host(self._url)
        if status != 200:
            raise EmbedderError(f"{host} answered {status}{_HINTS.get(status, '')}")
        if not is_whole:
            raise EmbedderError(f"{host} answered with more than {_ANSWER_BYTES // 1_000_000} MB")
        return await asyncio.to_thread(_rows, answer, len(texts), host)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


_HINTS = {
    401: ": check embedding.api_key",
    403: ": check embedding.api_key",
    404: ": check the address in embedding.embedder, and embedding.model",
    400: ": check embedding.model",
}


def _rows(answer: bytes, count: int, host: str) -> list[list[float]]:
    try:
        data = json.loads(answer)["data"]
        rows = {int(each["index"]): [float(number) for number in each["embedding"]] for each in data}
        return [rows[at] for at in range(count)]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        raise EmbedderError(f"{host} did not answer with one embedding for each text") from None
