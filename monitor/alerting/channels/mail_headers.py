"""Mail headers in any language: encoded words of RFC 2047, one line of the header each. Pure.

Python's own folding loses spaces between encoded words (https://github.com/python/cpython/issues/144156), so texts are encoded
here, and `email` writes them as they are. A text is either plain ASCII on one short line, or all of it is encoded, spaces
included: parsers drop what stands between two encoded words, and nothing of the text stands there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from email.headerregistry import Address
from typing import Final

LINE_LIMIT: Final = 76
"""Of a line with encoded words; a word itself may have 75 characters (RFC 2047, section 2)."""
_FOLD: Final = "\r\n "
_BASE64, _QUOTED = "=?utf-8?b?", "=?utf-8?q?"
_WORD_ROOM: Final = 75 - len(f"{_BASE64}?=")
# Whatever reads differently after a parser has trimmed, unfolded or decoded it is encoded: `=?` would be taken for our own.
_PLAIN = re.compile(r"(?!.*=\?)(?!.*  )[!-~](?:[ -~]*[!-~])?")
# What may stand in a display name as it is (`atext` of RFC 5322), and in a quoted-printable word there (RFC 2047, section 5).
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def text(name: str, value: str) -> str:
    """The value of a header of plain text, such as Subject, folded."""
    room = LINE_LIMIT - len(f"{name}: ")
    if _PLAIN.fullmatch(value) and len(value) <= room:
        return value
    return _FOLD.join(_encoded(value, room))


def addresses(name: str, values: Sequence[Address]) -> str:
    """The value of a header of addresses, such as To, folded: a line for each address, more where its name is long."""
    room = LINE_LIMIT - len(f"{name}: ")
    return f",{_FOLD}".join(_mailbox(each, room if at == 0 else LINE_LIMIT - 1) for at, each in enumerate(values))


def _mailbox(address: Address, room: int) -> str:
    if not address.display_name:
        return address.addr_spec
    phrase = _phrase(address.display_name, room)
    last = phrase.rpartition(_FOLD)[2]
    is_short = len(last) + len(address.addr_spec) + 3 < min(room, LINE_LIMIT)
    return f"{phrase}{' ' if is_short else _FOLD}<{address.addr_spec}>"


def _phrase(name: str, room: int) -> str:
    if _PLAIN.fullmatch(name) and len(name) <= room - 2:
        if _ATOMS.fullmatch(name):
            return name
        quoted = re.sub(r'(["\\])', r"\\\1", name)
        if len(quoted) <= room - 2:
            return f'"{quoted}"'
    # One word where it fits one, if need be on a line of its own: Python before 3.13.2 adds a space between the words of a name
    # (https://github.com/python/cpython/issues/128110).
    words = list(_encoded(name, LINE_LIMIT - 1))
    return f"{'' if len(words[0]) <= room else _FOLD}{_FOLD.join(words)}"


def _encoded(value: str, room: int) -> Iterator[str]:
    """The encoded words of a text, the first of at most `room` characters: mostly ASCII stays readable, all else is base64."""
    data = value.encode("utf-8", "replace")
    quotable = sum(byte in _QUOTABLE or byte == 0x20 for byte in data)
    is_quoted = quotable + 3 * (len(data) - quotable) <= 4 * len(data) / 3
    width = min(_WORD_ROOM, room - len(f"{_BASE64}?="))
    for piece in _pieces(value, width, is_quoted=is_quoted):
        yield f"{_QUOTED if is_quoted else _BASE64}{_quoted(piece) if is_quoted else _based(piece)}?="


def _pieces(value: str, width: int, *, is_quoted: bool) -> Iterator[str]:
    """The text cut between characters, each part no longer than `width` once it is encoded."""
    piece, taken = "", 0
    for character in value:
        size = len(_quoted(character)) if is_quoted else len(character.encode("utf-8", "replace"))
        whole = taken + size if is_quoted else -(-(taken + size) // 3) * 4
        if piece and whole > width:
            yield piece
            piece, taken = "", 0
        piece, taken = piece + character, taken + size
    if piece:
        yield piece


def _quoted(piece: str) -> str:
    data = piece.encode("utf-8", "replace")
    return "".join("_" if each == 0x20 else chr(each) if each in _QUOTABLE else f"={each:02X}" for each in data)


def _based(piece: str) -> str:
    return base64.b64encode(piece.encode("utf-8", "replace")).decode()
