"""An embedder that knows a few words in three languages: the same meaning, the same direction, whatever the language.

Like real ones it puts all texts of a language into a narrow cone, so that raw cosines are all near one: what does not take the
centres off cannot use it. `EmbedderServer` is the same behind HTTP, and misbehaves as told.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import numpy as np

from tests.fakes.patience import PATIENCE

DIM = 64
_PAIRS = (
    "ferry паром фери", "harbour гавань port", "captain капитан capitaine", "storm шторм tempête",
    "rescue спасли sauvetage", "passengers пассажиры passagers", "coast берег côte", "sank затонул coulé",
    "election выборы élection", "minister министр ministre", "budget бюджет budget", "parliament парламент parlement",
    "football футбол football", "goal гол but", "match матч match", "bank банк banque", "market рынок marché",
    "price цена prix", "snow снег neige", "school школа école", "court суд tribunal",
)  # fmt: skip
_MEANING = {word: pair.split()[0] for pair in _PAIRS for word in pair.split()}


def embed(texts: Sequence[str]) -> np.ndarray:
    """float32[n, DIM], unit length."""
    return np.array([_vector(text) for text in texts], np.float32)


def _vector(text: str) -> np.ndarray:
    words = [word.strip(".,!?").lower() for word in text.split()]
    meanings = [_MEANING.get(word, word) for word in words]
    is_russian = any("а" <= letter <= "я" for letter in text.lower())
    cone = _direction("everything") + 0.3 * _direction("russian" if is_russian else "english")
    weights = {word: 1.0 if word in _MEANING.values() else 0.1 for word in meanings}
    told = sum((weight * _direction(word) for word, weight in weights.items()), np.zeros(DIM))
    length = np.linalg.norm(told)
    vector = 2 * cone + (told / length if length else told)
    return vector / np.linalg.norm(vector)


def _direction(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:4], "big")
    found = np.random.default_rng(seed).normal(size=DIM)
    return found / np.linalg.norm(found)


class EmbedderServer:
    """`with EmbedderServer() as server:` answers at `server.url`; `server.answers` is what it does next."""

    def __init__(self) -> None:
        self.answers = "well"
        """well, 500, 401, nan, short, html, hang, huge, or the poison: a text that makes it answer 500."""
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                outer.keys.append(self.headers.get("Authorization"))
                outer._answer(self, body["input"])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/embeddings"

    def _answer(self, handler: BaseHTTPRequestHandler, texts: list[str]) -> None:
        rows = embed(texts).tolist()
        status, answers = 200, self.answers
        if answers.isdigit() or any(answers in text for text in texts):
            status = int(answers) if answers.isdigit() else 500
        elif answers == "nan":
            rows = [[float("nan")] * DIM for _ in texts]
        elif answers == "short":
            rows = [row[: DIM // 2] for row in rows]
        elif answers == "hang":
            self._closing.wait(PATIENCE)
        data = [{"index": at, "embedding": row} for at, row in enumerate(rows)]
        body = b"<html>" if answers == "html" else json.dumps({"data": data[::-1]}).encode()
        try:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            time.sleep(0)

    @property
    def texts(self) -> list[str]:
        """Every text it was asked for."""
        return [text for each in self.asked for text in each["input"]]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
