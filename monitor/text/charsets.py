"""In which encoding bytes are written that do not say so, or say so wrongly. Pure.

What a server or a page declares is believed where it names an encoding of text. Where nothing is declared the encoding is guessed
from the text between the tags (markup is ASCII everywhere and drowns it out) among those that pages are written in
(https://encoding.spec.whatwg.org/#names-and-labels). Fewer than some twenty letters are too few to be sure.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

# Codecs that Python calls text encodings and no document has: slow, stateful or not encodings of text at all (case X7).
_NO_ENCODINGS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7", "mbcs", "oem"}
_USED = [
    *("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "gb18030", "big5", "cp932", "euc_jp", "cp949"),
    *("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1256", "cp1253", "cp1255", "cp1257", "cp1258", "cp874"),
]
# What browsers read under these names: the same with more characters.
_WIDER = {
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
}
_TAG = re.compile(rb"<[^<>]*>")
_ENOUGH = 60_000
"""Bytes of text that are looked at."""
_ISO_2022 = re.compile(rb"\x1b\$[@B]")


def is_text(name: str) -> bool:
    """Whether a declared encoding is one that a document can be written in."""
    try:
        return codecs.lookup(name)._is_text_encoding and codecs.lookup(name).name not in _NO_ENCODINGS
    except (LookupError, ValueError, UnicodeError):
        return False


def decoded(body: bytes, name: str) -> str:
    """The text of a document in an encoding that `is_text`; what cannot be read becomes a replacement character."""
    known = codecs.lookup(name).name
    return body.decode(_WIDER.get(known, known), "replace")


def shifts(body: bytes) -> bool:
    """Whether these bytes are ISO-2022-JP, every one of which is ASCII too."""
    return bool(_ISO_2022.search(body))


def guess(body: bytes) -> str | None:
    """The encoding of a page that is not UTF-8 and says nothing; None where its text gives too little to go by."""
    pieces = [each for each in _TAG.split(body) if not each.isascii()]
    found = from_bytes(b" ".join(pieces)[:_ENOUGH], cp_isolation=_USED).best() if pieces else None
    return found.encoding if found else None
