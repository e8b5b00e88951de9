"""Character encodings of documents whose declaration is missing or wrong. Pure.

A declared encoding is used where it names an encoding of text. Without one, the encoding is guessed from the text between tags
(markup is ASCII in all of them and would outweigh it), among those that web pages use
(https://encoding.spec.whatwg.org/#names-and-labels). Fewer than about twenty letters are too few for a reliable guess.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

# Python counts these as text encodings, but no document uses them: slow, stateful or no encodings of text at all (case X7).
_NOT_ENCODINGS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7", "mbcs", "oem"}
_CANDIDATES = [
    *("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "gb18030", "big5", "cp932", "euc_jp", "cp949"),
    *("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1256", "cp1253", "cp1255", "cp1257", "cp1258", "cp874"),
]
# As browsers do, read these as their supersets.
_SUPERSETS = {
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
}
_TAG = re.compile(rb"<[^<>]*>")
_MAX_GUESSED_BYTES = 60_000
"""Bytes of text that a guess is made from."""
_ISO_2022 = re.compile(rb"\x1b\$[@B]")


def is_text_encoding(name: str) -> bool:
    """Whether `name` is an encoding that a document can be written in."""
    try:
        return codecs.lookup(name)._is_text_encoding and codecs.lookup(name).name not in _NOT_ENCODINGS
    except (LookupError, ValueError, UnicodeError):
        return False


def decode(body: bytes, name: str) -> str:
    """Decode a document; `name` must satisfy `is_text_encoding`. Undecodable bytes become replacement characters."""
    codec = codecs.lookup(name).name
    return body.decode(_SUPERSETS.get(codec, codec), "replace")


def is_iso_2022_jp(body: bytes) -> bool:
    """Whether these bytes are ISO-2022-JP, which consists of ASCII bytes and would pass for UTF-8."""
    return bool(_ISO_2022.search(body))


def guess_encoding(body: bytes) -> str | None:
    """The likely encoding of a page that is not UTF-8 and declares none; None where its text is too short to tell."""
    pieces = [each for each in _TAG.split(body) if not each.isascii()]
    best = from_bytes(b" ".join(pieces)[:_MAX_GUESSED_BYTES], cp_isolation=_CANDIDATES).best() if pieces else None
    return best.encoding if best else None
