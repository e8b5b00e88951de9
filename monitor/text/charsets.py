"""Bytes to text, whatever the document's labels say. Pure.

`read` believes the bytes before the labels. A byte order mark, the zero bytes of UTF-16 and valid UTF-8 prove themselves. What is
UTF-8 but for some bytes is read as UTF-8, and each bad byte costs one character. Only what cannot be UTF-8 is read by its labels,
in their order of authority, and by those only as far as the outcome looks like text: servers send `iso-8859-1` for everything, and
proxies recode a document without touching its XML declaration. Without a believable label the encoding is guessed from the text
between tags (markup is ASCII in all of them and would outweigh it), among those that web pages use
(https://encoding.spec.whatwg.org/#names-and-labels). Fewer than about twenty letters are too few for a reliable guess; where the
document names its language, the encodings of that come first, as in browsers
(https://html.spec.whatwg.org/#determining-the-character-encoding).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

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
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "ascii": "cp1252",
    "koi8-r": "koi8_u",  # Ukrainian letters in place of eight pieces of boxes
}
_WESTERN = ("cp1252",)
"""What servers name for everything."""
_EAST_ASIAN = {"gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp949", "hz", "johab"}
_BY_LANGUAGE = {
    **dict.fromkeys(("cs", "hu", "pl", "sk", "sl", "hr", "bs", "ro", "sq"), ("iso8859_2", "cp1250")),
    **dict.fromkeys(("tr", "az"), ("cp1254",)),
    **dict.fromkeys(("lt", "lv", "et"), ("cp1257",)),
    **dict.fromkeys(("ar", "fa", "ur", "ps"), ("cp1256", "iso8859_6")),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "sr"), ("cp1251", "koi8_u", "iso8859_5", "cp866", "mac_cyrillic")),
    "el": ("cp1253",),
    "he": ("cp1255",),
    "th": ("cp874",),
    "vi": ("cp1258",),
    "ja": ("cp932", "euc_jp"),
    "ko": ("cp949",),
    "zh": ("gb18030", "big5"),
}
_LANGUAGE = re.compile(
    rb"<(?:\w{1,20}:)?language>\s*(?:<!\[CDATA\[)?\s*([A-Za-z]{2,3})|\b(?:xml:)?lang\s*=\s*[\"']([A-Za-z]{2,3})\b", re.I
)
_HEAD = 4_000
"""Bytes at the beginning in which a document names its language."""
_OF_1250 = re.compile(rb"[\x8a\x8c-\x8f\x9a\x9c-\x9f]")
"""Letters of Windows-1250 where ISO-8859-2 has none."""
_TAG = re.compile(rb"<[^<>]*>")
_MAX_GUESSED_BYTES = 60_000
"""Bytes of text that a guess is made from."""
_ISO_2022 = re.compile(rb"\x1b\$[@B]")
_FEW = 12
"""Characters beyond ASCII below which the languages of Western Europe are likelier than any guess."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, with whose mark it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 512
"""Bytes at the beginning in which zero bytes are counted."""
# Pairs of surrogates, each written as if it were a character (CESU-8): emoji that went through an old database.
_SURROGATES = re.compile(rb"\xed([\xa0-\xaf][\x80-\xbf])\xed([\xb0-\xbf][\x80-\xbf])")
_REPLACEMENT = "\ufffd"


class Decoded(NamedTuple):
    """A document's text."""

    text: str
    encoding: str
    lost: int
    """Characters that could not be read, each now U+FFFD."""


def is_text_encoding(name: str) -> bool:
    """Whether `name` is an encoding that a document can be written in."""
    try:
        return codecs.lookup(name)._is_text_encoding and codecs.lookup(name).name not in _NOT_ENCODINGS
    except (LookupError, ValueError, UnicodeError):
        return False


def decode(body: bytes, name: str) -> str:
    """Decode a document; `name` must satisfy `is_text_encoding`. Undecodable bytes become replacement characters."""
    return body.decode(_codec(name), "replace")


def is_iso_2022_jp(body: bytes) -> bool:
    """Whether these bytes are ISO-2022-JP, which consists of ASCII bytes and would pass for UTF-8."""
    return bool(_ISO_2022.search(body))


def read(body: bytes, labels: Iterable[str] = ()) -> Decoded:
    """The document's text; `labels` are the encodings that it is said to have, the most authoritative first."""
    encoding, body = _marked(body)
    if encoding and encoding != "utf-8":
        return _decoded(body, encoding)
    codecs_named = [_codec(each) for each in labels if is_text_encoding(each)]
    labelled = [*(["utf-8"] if encoding else []), *codecs_named]
    if is_iso_2022_jp(body):
        return _decoded(body, "iso2022_jp")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _read_damaged(body, labelled)
    return _short_east_asian(body, text, labelled) or Decoded(text, "utf-8", 0)


def guess_encoding(body: bytes) -> str | None:
    """The likely encoding of a page that is not UTF-8 and declares none; None where its text is too short to tell."""
    text = _beyond_ascii(body)
    best = from_bytes(text, cp_isolation=_CANDIDATES).best() if text else None
    return best.encoding if best else None


def strangeness(text: str) -> float:
    """How unlike text this is, as a share of its characters beyond ASCII: near 0 for text in any language, more than 0.3
    for text read by a wrong encoding."""
    foreign = len(_FOREIGN.findall(text))
    return sum(weight * len(pattern.findall(text)) for pattern, weight in _STRANGE) / foreign if foreign else 0.0


# --- marks ------------------------------------------------------------------------------------------------------------


def _marked(body: bytes) -> tuple[str, bytes]:
    """The encoding that a byte order mark or zero bytes prove, '' where nothing does, and the document without the mark."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            rest = body[len(mark) :]
            is_true = encoding == "utf-8" or not rest or b"\0" in rest[:_SAMPLE] or b"<" not in rest[:_SAMPLE]
            return (encoding, rest) if is_true else ("", rest)
    return _by_zero_bytes(body[:_SAMPLE]), body


def _by_zero_bytes(sample: bytes) -> str:
    """UTF-16 and UTF-32 without a mark: the ASCII characters of markup have their zero bytes at regular places."""
    if b"\0" not in sample[:64]:
        return ""
    by_place = [sample[place::4].count(0) / max(1, len(sample[place::4])) for place in range(4)]
    often = [share > 0.4 for share in by_place]
    shapes = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    is_regular = all(share < 0.1 for share, is_often in zip(by_place, often, strict=True) if not is_often)
    return shapes.get((often[0], often[1], often[2], often[3]), "") if is_regular else ""


# --- damaged UTF-8, and other encodings -------------------------------------------------------------------------------


def _read_damaged(body: bytes, labelled: list[str]) -> Decoded:
    """A document that is not valid UTF-8: UTF-8 with some bad bytes, or another encoding."""
    body = _SURROGATES.sub(_joined_surrogates, body)
    text = body.decode("utf-8", "replace")
    good, bad = _counts(text, body)
    is_expected = not labelled or "utf-8" in labelled
    if good and bad <= (good if is_expected else good / 4):
        return _with_foreign_pieces(body, text, bad)
    return _by_label_or_guess(body, [each for each in labelled if not each.startswith("utf")])


def _counts(text: str, body: bytes) -> tuple[int, int]:
    """How many characters beyond ASCII UTF-8 gives, and how many bytes it cannot read."""
    bad = text.count(_REPLACEMENT) - body.count(b"\xef\xbf\xbd")
    return len(_FOREIGN.findall(text)) - text.count(_REPLACEMENT), bad


def _with_foreign_pieces(body: bytes, text: str, bad: int) -> Decoded:
    """UTF-8 in which single elements are of another encoding, as where an aggregator puts items of several sources together.

    One or two bad bytes are damage and stay U+FFFD.
    """
    if bad <= 2:
        return Decoded(text, "utf-8", bad)
    pieces = list(_pieces(body))
    foreign = [piece for piece in pieces if not piece.isascii() and _is_foreign(piece)]
    encoding = _by_label_or_guess(b" ".join(foreign), []).encoding if foreign else "utf-8"
    read = [piece.decode(encoding if piece in foreign else "utf-8", "replace") for piece in pieces]
    text = "".join(read)
    return Decoded(text, "utf-8", text.count(_REPLACEMENT) - body.count(b"\xef\xbf\xbd"))


def _pieces(body: bytes) -> Iterator[bytes]:
    """The document in order, tags and the text between them."""
    at = 0
    for tag in _TAG.finditer(body):
        yield body[at : tag.start()]
        yield tag[0]
        at = tag.end()
    yield body[at:]


def _is_foreign(piece: bytes) -> bool:
    good, bad = _counts(piece.decode("utf-8", "replace"), piece)
    return bad > 2 and good < bad


def _by_label_or_guess(body: bytes, labelled: list[str]) -> Decoded:
    """The first label by which the document looks like text, else the best guess, else the least strange of all."""
    sample = _beyond_ascii(body)
    expected = _by_language(body, sample)
    if expected and all(each in (*expected, *_WESTERN) for each in labelled):
        return _decoded(body, next((each for each in labelled if each in expected), expected[0]))
    for label in labelled:
        if strangeness(sample.decode(label, "replace")) <= _LIMIT:
            return _decoded(body, label)
    western = sample.decode("cp1252", "replace")
    is_few = len(_FOREIGN.findall(western)) < _FEW
    if strangeness(western) <= (_LIMIT if is_few else _WESTERN_LIMIT) and not (_TURKISH.search(western) and not is_few):
        return _decoded(body, "cp1252")
    guessed = next((each for each in ("cp932", "euc_jp") if _is_japanese(sample, each)), None) or guess_encoding(body)
    if guessed and strangeness(sample.decode(guessed, "replace")) <= _LIMIT:
        return _decoded(body, guessed)
    every = dict.fromkeys([*labelled, *_CANDIDATES])
    return _decoded(body, min(every, key=lambda name: strangeness(sample.decode(name, "replace"))))


def _by_language(body: bytes, sample: bytes) -> list[str]:
    """The encodings of the language that a document names, by which it looks like text: the least strange first."""
    found = _LANGUAGE.search(body[:_HEAD])
    written = (found[1] or found[2]).decode().lower() if found else ""
    usual = _BY_LANGUAGE.get(written, ())
    if "cp1250" in usual and _OF_1250.search(sample):
        usual = ("cp1250",)
    by_strangeness = {each: strangeness(sample.decode(each, "replace")) for each in usual}
    return sorted((each for each in usual if by_strangeness[each] <= _LIMIT), key=lambda each: by_strangeness[each])


def _is_japanese(sample: bytes, encoding: str) -> bool:
    """Whether a text has as much kana as Japanese has: by their bytes Chinese and Japanese are much alike."""
    text = sample.decode(encoding, "replace")
    return len(_KANA.findall(text)) >= 0.25 * len(_FOREIGN.findall(text)) and strangeness(text) <= _LIMIT


def _short_east_asian(body: bytes, text: str, labelled: list[str]) -> Decoded | None:
    """A document of few characters that its label reads as Chinese, Japanese or Korean, and that is valid UTF-8 by chance."""
    label = next((each for each in labelled if each in _EAST_ASIAN), "")
    if not label or "utf-8" in labelled or len(_FOREIGN.findall(text)) >= 4 or _IDEOGRAPH.search(text):
        return None
    read = _decoded(body, label)
    return read if not read.lost and _IDEOGRAPH.search(read.text) else None


def _decoded(body: bytes, encoding: str) -> Decoded:
    text = body.decode(encoding, "replace").removeprefix("\ufeff")
    return Decoded(text, encoding, text.count(_REPLACEMENT))


def _codec(name: str) -> str:
    codec = codecs.lookup(name).name
    return _SUPERSETS.get(codec, codec)


def _joined_surrogates(found: re.Match[bytes]) -> bytes:
    return found[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode()


def _beyond_ascii(body: bytes) -> bytes:
    """The text between tags that is not ASCII, as far as a guess needs it."""
    pieces = [each for each in _TAG.split(body) if not each.isascii()]
    return b" ".join(pieces)[:_MAX_GUESSED_BYTES]


# --- what text looks like ---------------------------------------------------------------------------------------------

_LIMIT = 0.3
"""Between the strangeness of text in its own encoding (below 0.25) and in a wrong one (above 0.35):
tests/reading/test_fault_bytes.py."""
_WESTERN_LIMIT = 0.15
"""The Western European reading of Polish or Turkish is stranger than this."""
_TURKISH = re.compile("[ýþð](?=[a-zýþçöü])")
"""What Western European makes of ı, ş and ğ; in Icelandic they are right, and the guess says so."""
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_LATIN = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_ACCENTED = r"\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_OTHER = r"\u0370-\u03ff\u0400-\u052f\u05d0-\u05ea\u0621-\u064a\u0671-\u06d3\u0e01-\u0e3a"
_SYMBOLS = (
    r"\u00a2-\u00a6\u00a8\u00a9\u00ac\u00ae-\u00b6\u00b8-\u00bf\u00d7\u00f7\u0192\u02c6\u02dc"
    r"\u2020-\u2022\u2030\u20ac\u2116\u2122"
)
_STRANGE = (
    (re.compile(r"[\x80-\x9f\ufffd\ue000-\uf8ff]"), 3.0),
    (re.compile(r"[\u2500-\u259f]"), 2.0),  # boxes of old DOS pages
    (re.compile(r"(?<=[^\W\d_])[\u0386-\u03ab\u0400-\u042f\u0490]"), 1.0),  # capitals inside of words
    (re.compile(rf"[{_ACCENTED}](?=[{_ACCENTED}])"), 0.6),
    (re.compile(rf"[{_LATIN}](?=[{_OTHER}])|[{_OTHER}](?=[{_LATIN}])"), 2.0),
    (re.compile(rf"(?<=[^\W\d_])[{_SYMBOLS}](?=[^\W\d_])"), 2.0),
    (re.compile(rf"[{_SYMBOLS}](?=[{_SYMBOLS}{_ACCENTED}{_OTHER}])|(?<=[{_OTHER}])[{_SYMBOLS}]"), 1.0),
    (re.compile(r"[\uff61-\uff9f]"), 1.0),  # half-width kana: what Shift-JIS makes of other encodings
    (re.compile(r"[ъщэцфхЪЩЭЦФХћќџѓђљњ]"), 1.5),  # one letter in twenty in Russian, one in three in what is none
    (re.compile(r"ς(?=[α-ω])|[ϊϋΐΰ]"), 1.5),
    (
        re.compile(r"[ةى](?=[\u0621-\u064a])|(?<![\u0621-\u065f])[\u064b-\u0652]|(?<![اآأإوؤيىئ])ء(?=[ا-ي])"),
        2.0,
    ),  # final letters inside
)
