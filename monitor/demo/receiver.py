"""The demo's webhook receiver: verifies signed alerts, keeps them, and calls back once for each new one.

It does what the README asks of receivers: verify first, then remember the id, so that a repeated alert is accepted without any
further effect (Standard Webhooks; cases K2, W1, W10).
"""

from __future__ import annotations

import hmac
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from standardwebhooks.webhooks import Webhook

from monitor.demo.loopback import Handler, Loopback

PATH = "/alerts"
TOLERANCE_FOR = timedelta(minutes=5)
"""Largest difference of timestamp and clock; the limit of the official libraries."""
SIZE_LIMIT = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A verified alert."""

    id: str
    """The webhook-id: the same on every attempt."""
    at: datetime
    payload: dict[str, Any] = field(hash=False)


class Receiver(Loopback):
    """Receives alerts on 127.0.0.1 between `start` and `stop`, or within a `with`.

    `on_alert` is called once for each new alert, after it was answered, from the server's threads, one call at a time and in
    order of arrival. `clock` must be the clock that the sender signs with; a fast clock needs a larger `tolerance_for`. With
    `fails_first` the first verified post is answered 503, to show the retry.
    """

    def __init__(
        self,
        secret: str,
        *,
        on_alert: Callable[[Received], None] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tolerance_for: timedelta = TOLERANCE_FOR,
        fails_first: bool = False,
        port: int = 0,
    ) -> None:
        super().__init__(port=port)
        self._webhook = Webhook(secret)
        self._on_alert = on_alert
        self._clock = clock
        self._tolerance_for = tolerance_for
        self._must_fail = fails_first
        self._lock = Lock()
        self._calling = Lock()
        self._untold: deque[Received] = deque()
        self.received: list[Received] = []
        """Every alert once, in order of arrival."""
        self.repeated = 0
        """Posts of alerts already received."""
        self.refused = 0
        """Posts with an invalid signature, timestamp or body."""

    @property
    def url(self) -> str:
        """The URL to post alerts to. Only while started."""
        return self.base_url + PATH

    def take(self, body: bytes, headers: dict[str, str]) -> tuple[int, Received | None]:
        """Handle one post. Returns the status to answer with, and the alert where it is new."""
        at = self._clock()
        payload = _payload(body) if self._is_genuine(body, headers, at) else None
        with self._lock:
            if payload is None:
                self.refused += 1
                return 401, None
            if self._must_fail:
                self._must_fail = False
                return 503, None
            alert = Received(id=headers["webhook-id"], at=at, payload=payload)
            if any(each.id == alert.id for each in self.received):
                self.repeated += 1
                return 204, None
            self.received.append(alert)
            self._untold.append(alert)
            return 204, alert

    def _is_genuine(self, body: bytes, headers: dict[str, str], at: datetime) -> bool:
        """Whether one of the post's signatures is valid and recent.

        Signs with the official library and compares, as the library's `verify` uses the real clock only.
        """
        try:
            posted_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            expected = self._webhook.sign(headers["webhook-id"], posted_at, body.decode())
            signatures = headers["webhook-signature"].encode().split()
        except (KeyError, ValueError, OverflowError, OSError):  # a header is missing or no number, or the body no UTF-8
            return False
        is_signed = any(hmac.compare_digest(expected.encode(), each) for each in signatures)
        return bool(headers["webhook-id"]) and is_signed and abs(at - posted_at) <= self._tolerance_for

    def tell(self) -> None:
        """Call back with the new alerts in order of arrival: an earlier one whose own thread is late is told here.

        An exception of the callback is logged and affects no later alert.
        """
        with self._calling:
            while self._untold:
                alert = self._untold.popleft()
                try:
                    if self._on_alert:
                        self._on_alert(alert)
                except Exception:
                    logger.exception("the callback failed for alert %s", alert.id)

    def handler(self) -> type[Handler]:
        """Answers POST on `PATH`; anything else is 404, 411, 413 or 501."""
        receiver = self

        class ReceiverHandler(Handler):
            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if self.path != PATH:
                    return self.answer(404)
                if not length.isascii() or not length.isdigit():
                    return self.answer(411)
                if int(length) > SIZE_LIMIT:
                    return self.answer(413)
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, alert = receiver.take(self.rfile.read(int(length)), headers)
                self.answer(status, headers={"Retry-After": "1"} if status == 503 else None)
                if alert is not None:
                    receiver.tell()
                return None

        return ReceiverHandler


def _payload(body: bytes) -> dict[str, Any] | None:
    try:
        payload = json.loads(body)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None
