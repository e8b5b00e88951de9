"""What an embedder runs on: a process on this machine that keeps its model loaded, or an HTTP service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from monitor.config.settings import EmbeddingSettings
from monitor.matching import embedders
from monitor.matching.embedders import EmbedderError
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.net.http import HttpClient
from monitor.reading.workers import Workers
from monitor.text import urls
from monitor.types.embedding import EmbedderSpec

_ANSWER_BYTES = 16_000_000
_MEMORY_MB = 2048


class EmbedderBackend(Protocol):
    """What an embedder runs on: a process on this machine, or an HTTP service."""

    async def ask(self, texts: Sequence[str]) -> Any:
        """The embedder's answer, unchecked: one row for each text. Raises whatever went wrong."""

    async def aclose(self) -> None: ...


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
            counts_processor_time=False,  # one lane: a call is never begun anew, it would take as long again
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
