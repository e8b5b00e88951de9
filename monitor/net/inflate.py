"""Streaming gzip and deflate decoding in pieces of bounded size, strict about truncated bodies.

httpx2's own decoders are bounded too, but too lenient (2.16.2, measured): they accept a truncated gzip body as complete, drop
the second of two gzip members, and return bodies of an unknown coding undecoded. A truncated feed must not pass for the whole
feed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

_PIECE = 256 * 1024


class Decoder(Protocol):
    """Decodes a body piece by piece. Raises zlib.error where the body is invalid."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode the next raw bytes, in pieces of bounded size."""

    def finish(self) -> None:
        """Signal the end of the body; an error if it is incomplete."""


def decoder(content_encoding: str) -> Decoder:
    """The decoder for a Content-Encoding. Raises ValueError, naming the coding, for one we did not ask for."""
    codings = [each.strip().lower() for each in content_encoding.split(",")]
    codings = [each for each in codings if each not in ("", "identity")]
    if not codings:
        return _IdentityDecoder()
    if len(codings) == 1 and codings[0] in ("gzip", "x-gzip", "deflate"):
        return _GzipDecoder()
    raise ValueError(" and ".join(codings))


class _IdentityDecoder:
    """For bodies that are not compressed."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None:
        pass


class _GzipDecoder:
    """gzip or zlib, in small pieces, so that a zip bomb is noticed while it is still small (case F5).

    Consecutive gzip members are one text (RFC 1952 section 2.2); junk after the last is ignored, as in browsers.
    """

    def __init__(self) -> None:
        self._member = _new_member()
        self._pending = b""
        self._has_data = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._has_data = True
        data, self._pending = self._pending + data, b""
        while data or not self._member.eof:
            if self._member.eof and not self._starts_new_member(data):
                return
            piece = self._member.decompress(data, _PIECE)
            yield piece
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not data and len(piece) < _PIECE:
                return

    def _starts_new_member(self, data: bytes) -> bool:
        if len(data) < 2:
            self._pending = data
            return False
        if data.startswith(b"\x1f\x8b"):
            self._member = _new_member()
            return True
        return False

    def finish(self) -> None:
        if self._has_data and not self._member.eof:
            raise zlib.error("ends too early")


def _new_member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: detect gzip or zlib by the header
