"""Streaming decoding of Content-Encodings in pieces of bounded size, strict about truncated bodies.

httpx2's own decoders are bounded too, but too lenient (2.16.2, measured): they accept a truncated gzip body as complete, drop
the second of two gzip members, and return bodies of an unknown coding undecoded. A truncated feed must not pass for the whole
feed. Servers also name codings that are none (`utf-8`, `none`, `aws-chunked`; FreshRSS#8374), and serve `.gz` files without
naming any: names that are no compression are ignored, and a body that is gzip all the same is unpacked (`_GzipFileDecoder`). So is
the name of a compression that we did not ask for, where the body is plain markup: some proxies unpack it and leave the name.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import Protocol

_PIECE = 256 * 1024
MAX_LAYERS = 3
"""Compressions that may lie one inside the other: two named ones and a `.gz` file."""
_GZIP_MAGIC = b"\x1f\x8b\x08"
# Names seen in Content-Encoding that say nothing about compression. Names of character sets, media types and languages do neither.
_NO_CODINGS = frozenset(
    {
        "identity",
        "none",
        "no",
        "off",
        "false",
        "true",
        "null",
        "nil",
        "undefined",
        "default",
        "plain",
        "text",
        "binary",
        "raw",
    }
    | {
        "chunked",
        "aws-chunked",
        "ascii",
        "html",
        "xml",
        "json",
        "7bit",
        "8bit",
        "quoted-printable",
        "unicode",
        "utf",
        "utf8mb4",
    }
    | {"charset", "inline", "attachment", "*", "-", "0", "1", "amz-1.0"}
    | {"uncompressed", "unknown", "empty", "store", "stored", "no-transform", "plaintext"}
)
# https://www.iana.org/assignments/http-parameters: the compressions that we never ask for.
_OTHER_COMPRESSIONS = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,4})?")
_PARAMETER = re.compile(r"[a-z-]+=.*")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<[?!a-zA-Z]|[{\[]\s*[\"{])")
_ENOUGH = 64
"""Bytes by which a body is known for markup."""
_GZIP = ("gzip", "x-gzip")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_TOKEN = re.compile(r"[,\s;]+")


class NotAskedForError(ValueError):
    """A body in a compression that we did not ask for; its text is the name."""


class Decoder(Protocol):
    """Decodes a body piece by piece. Raises zlib.error where the body is invalid."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode the next raw bytes, in pieces of bounded size."""

    def finish(self) -> Iterator[bytes]:
        """Signal the end of the body and return what was held back; an error if it is incomplete."""


def decoder(content_encoding: str) -> Decoder:
    """The decoder for a Content-Encoding. Raises NotAskedForError for one we did not ask for, at once or with its first bytes."""
    named = [each.strip("\"'") for each in _TOKEN.split(content_encoding.lower())]
    codings = [each for each in named if not _is_no_coding(each)]
    if codings and all(each in _OTHER_COMPRESSIONS for each in codings):
        return _Chain([_MarkupDecoder(" and ".join(codings))])
    if len(codings) >= MAX_LAYERS or any(each not in (*_GZIP, "deflate") for each in codings):
        raise NotAskedForError(" and ".join(codings))
    if len(codings) == 2 and all(each in _GZIP for each in codings):
        codings = codings[:1]  # where it really lies inside of another, it is found there
    layers: list[Decoder] = [_GzipDecoder() if each in _GZIP else _DeflateDecoder() for each in reversed(codings)]
    return _Chain([*layers, _GzipFileDecoder()])


def _is_no_coding(name: str) -> bool:
    """Whether a name says nothing about compression."""
    if not name or name in _NO_CODINGS or _MEDIA_TYPE.fullmatch(name):
        return True
    if name not in _OTHER_COMPRESSIONS and (_LANGUAGE.fullmatch(name) or _PARAMETER.fullmatch(name)):
        return True
    try:
        return codecs.lookup(name.removeprefix("charset="))._is_text_encoding
    except (LookupError, ValueError):
        return False


class _Chain:
    """Decoders one behind the other: a body that was encoded twice is decoded twice."""

    def __init__(self, layers: list[Decoder]) -> None:
        self._first, self._rest = layers[0], layers[1:]
        self._next = _Chain(self._rest) if self._rest else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield from self._through(self._first.feed(data))

    def finish(self) -> Iterator[bytes]:
        yield from self._through(self._first.finish())
        if self._next:
            yield from self._next.finish()

    def _through(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            # What a later layer swallows (empty members without end) must still count as work done: an empty piece stands for it.
            yield from self._next.feed(piece) if self._next and piece else (piece,)


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

    def finish(self) -> Iterator[bytes]:
        if self._has_data and not self._member.eof:
            raise zlib.error("ends too early")
        return iter(())


class _DeflateDecoder(_GzipDecoder):
    """What servers call deflate: zlib as RFC 9110 has it, gzip, or the bare stream of RFC 1951 without header and checksum."""

    _head = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._has_data:
            self._head += data
            if len(self._head) < 2:
                return
            data, self._head = self._head, b""
            if not _has_zlib_header(data):
                self._member = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        yield from super().feed(data)

    def finish(self) -> Iterator[bytes]:
        if self._head:
            raise zlib.error("ends too early")
        return super().finish()


class _GzipFileDecoder:
    """Passes a body through, unless it is itself gzip: a served `.gz` file, or a coding that the server forgot to name."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: Decoder | None = None
        self._is_plain = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._is_plain:
            yield data
        elif self._inner:
            yield from self._inner.feed(data)
        else:
            self._head += data
            if len(self._head) >= len(_GZIP_MAGIC):
                yield from self._begin()

    def _begin(self) -> Iterator[bytes]:
        head, self._head = self._head, b""
        if head.startswith(_GZIP_MAGIC):
            self._inner = _GzipDecoder()
            yield from self._inner.feed(head)
        else:
            self._is_plain = True
            yield head

    def finish(self) -> Iterator[bytes]:
        if self._inner:
            return self._inner.finish()
        return iter((self._head,) if self._head else ())


class _MarkupDecoder:
    """Passes on a body that is plain markup, though it is said to be compressed; NotAskedForError for any other."""

    def __init__(self, named: str) -> None:
        self._named = named
        self._head: bytes | None = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._head is None:
            yield data
            return
        self._head += data
        if len(self._head) >= _ENOUGH:
            yield from self._checked()

    def finish(self) -> Iterator[bytes]:
        return self._checked() if self._head else iter(())

    def _checked(self) -> Iterator[bytes]:
        head, self._head = self._head or b"", None
        if not _MARKUP.match(head):
            raise NotAskedForError(self._named)
        yield head


def _has_zlib_header(data: bytes) -> bool:
    """Whether a stream begins like zlib (RFC 1950 section 2.2) or gzip."""
    is_zlib = data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and int.from_bytes(data[:2], "big") % 31 == 0
    return is_zlib or data.startswith(b"\x1f\x8b")


def _new_member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: detect gzip or zlib by the header
