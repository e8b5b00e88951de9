"""Compressed bodies: pieces as they came over the wire in, pieces of bounded size out. Knows no network.

httpx2's own decoders are bounded too, but they take too much on trust (2.16.2, measured): half a gzip body is a whole one
to them, of two gzip members the second is dropped, and a coding they do not know is handed out as if it were text. A feed
cut short must not pass for the feed, so we read gzip ourselves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

_PIECE = 256 * 1024


class Decoder(Protocol):
    """What a body goes through. Raises zlib.error where it is not what it says."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The next bytes of the wire; the text in them, piece by piece."""

    def finish(self) -> None:
        """No more will come: an error where more should."""


def decoder(content_encoding: str) -> Decoder:
    """How to read a body of this Content-Encoding; ValueError, naming the coding, for one we did not ask for."""
    codings = [each.strip().lower() for each in content_encoding.split(",")]
    codings = [each for each in codings if each not in ("", "identity")]
    if not codings:
        return _Plain()
    if len(codings) == 1 and codings[0] in ("gzip", "x-gzip", "deflate"):
        return _Inflater()
    raise ValueError(" and ".join(codings))


class _Plain:
    """A body that is not compressed."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None:
        pass


class _Inflater:
    """gzip (or zlib) in small pieces, so that a bomb is noticed while it is still small (case F5).

    Several gzip members in a row are one text (RFC 1952 section 2.2); junk behind the last is ignored, as browsers do.
    """

    def __init__(self) -> None:
        self._member = _member()
        self._held = b""
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._has_begun = True
        data, self._held = self._held + data, b""
        while data or not self._member.eof:
            if self._member.eof and not self._starts_another(data):
                return
            piece = self._member.decompress(data, _PIECE)
            yield piece
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not data and len(piece) < _PIECE:
                return

    def _starts_another(self, data: bytes) -> bool:
        if len(data) < 2:
            self._held = data
            return False
        if data.startswith(b"\x1f\x8b"):
            self._member = _member()
            return True
        return False

    def finish(self) -> None:
        if self._has_begun and not self._member.eof:
            raise zlib.error("ends too early")


def _member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: tell gzip from zlib by its header
