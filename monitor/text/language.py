"""Language detection: an ISO 639-1 code (639-3 where there is none), or `und` where the language is unknown.

First the script decides, then letters that only one language of that script uses (they distinguish Pashto, Urdu, Kurdish and
Persian better than any model), then py3langid among the languages of the script. A feed's declared language is a strong hint:
it wins on short texts, but never against the script, since Persian feeds that declare `en-us` are common.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from monitor.text.language_model import Features, Identifier

UNKNOWN = "und"

_SAMPLE_CHARS = 600
"""Characters examined; more cost time and change no result."""
_HINT_WINS_WORDS = 5
"""Up to this many words the hint wins outright: on such short headlines the model only guesses."""
_HINT_BONUS = 6.0
"""Added to the hint's log-likelihood, so that only a confident model contradicts the feed."""

_AT_ONCE = 64
"""Texts that the model reads at once: more gain nothing, and a feed of a thousand would take 100 MB."""
_ROUNDING, _MAX_PRIOR = 2.0**-24, 8.0
"""Of numbers of 32 bits, relative; what the model adds to its sums is less than that."""
_COMMON_BONUS = 6.0
"""Added to languages with many newspapers: a headline that consists of names is rarely Maltese."""
_COMMON = frozenset({"en", "fr", "es", "de", "it", "pt", "nl", "pl", "tr", "id", "ru", "hi", "fa"})

# ISO 639-2, older and regional codes, mapped to the code used here; Dari counts as Persian.
_ALIASES = {
    "eng": "en", "fre": "fr", "fra": "fr", "ger": "de", "deu": "de", "spa": "es", "rus": "ru", "ara": "ar", "urd": "ur",
    "fas": "fa", "per": "fa", "prs": "fa", "pes": "fa", "pus": "ps", "pbt": "ps", "pst": "ps", "hin": "hi", "zho": "zh",
    "chi": "zh", "cmn": "zh", "yue": "zh", "wuu": "zh", "ukr": "uk", "tur": "tr", "ita": "it", "por": "pt", "nld": "nl",
    "dut": "nl", "pol": "pl", "swe": "sv", "jpn": "ja", "kor": "ko", "heb": "he", "iw": "he", "in": "id", "ind": "id",
    "nb": "no", "nn": "no", "nob": "no", "nno": "no", "nor": "no", "tgk": "tg", "uzb": "uz", "uzs": "uz", "kaz": "kk",
    "ary": "ar", "arz": "ar", "ckb": "ckb", "sdh": "ckb", "kmr": "ku", "fil": "tl", "mo": "ro", "sh": "sr", "arb": "ar",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Script:
    """A script: its ranges of code points, its languages, and the letters and words that distinguish them."""

    spans: tuple[tuple[int, int], ...]
    languages: tuple[str, ...]
    letters: tuple[tuple[str, str], ...] = ()
    words: tuple[tuple[str, re.Pattern[str]], ...] = ()


_LATIN = (
    "en", "fr", "es", "de", "it", "pt", "nl", "sv", "no", "da", "fi", "et", "lv", "lt", "pl", "cs", "sk", "sl", "hr", "bs", "sr",
    "hu", "ro", "sq", "tr", "az", "uz", "tk", "ku", "id", "ms", "tl", "vi", "sw", "so", "ha", "af", "ca", "eu", "gl", "ga", "cy",
    "is", "mt", "rw", "mg",
)  # fmt: skip

# Letters are tried in this order and the first language whose letters occur is taken; '' leaves the choice to the model.
_SCRIPTS = {
    "latin": _Script(
        ((0x41, 0x24F), (0x1E00, 0x1EFF), (0xFF20, 0xFF5F)),
        _LATIN,
    ),
    "cyrillic": _Script(
        ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF)),
        ("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "tg", "mn", "tt", "ba", "uz"),
        (
            ("uk", "їєґ"), ("sr", "ђћ"), ("mk", "ѓќѕ"), ("tg", "ҷӣӯ"), ("ba", "ҙҫ"), ("", "қғҳңөүұһәјљњџ"), ("be", "ў"), ("", "і"),
            ("ru", "ыэё"),
        ),
    ),
    "arabic": _Script(
        ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
        ("ar", "fa", "ps", "ur", "ug", "ckb", "sd"),
        (
            ("ps", "ټډړږښڼځڅۍګ"), ("sd", "ڪڻٻڀٿٺڄڃڇڌڏڊڦڱ"), ("ur", "ٹڈڑےں"), ("ug", "ۇۈۋڭ"), ("ckb", "ێۆڕڵ"),
            ("ps", "ې"), ("ur", "ہھ"),
        ),
        # For the rest: function words, and letters that other languages encode differently.
        (
            ("ar", re.compile(r"[ةأإؤك]|ى\b|\bال|\b(?:في|من|على|عن|إلى|هذا|التي|الذي)\b")),
            ("fa", re.compile(r"[پچژگکی]|\b(?:در|از|به|را|که|است|این|شد|شده|می|ها|با|برای|کرد|بر)\b")),
            ("ps", re.compile(r"[پچگکی]|\b(?:د|په|کې|چې|یې|سره|څخه|شو|له|وي|دي)\b")),
            ("ur", re.compile(r"[پچگکی]|\b(?:کا|کو|کی|اور|گا|تھا|پر|جو|اس|ان)\b")),
        ),
    ),
    "devanagari": _Script(
        ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
        ("hi", "mr", "ne"),
        (("mr", "ळ"),),
        # Hindi writes as separate words what the others append as suffixes.
        (
            ("hi", re.compile(r"(?<!\S)(?:के|की|का|को|में|से|है|हैं|ने|और|पर)(?!\S)")),
            ("mr", re.compile(r"\S(?:च्या|चा|ची|चे|ला|ने|मध्ये)(?!\S)|(?<!\S)(?:आहे|आणि|नाही)(?!\S)")),
            ("ne", re.compile(r"\S(?:को|लाई|मा|ले|का)(?!\S)|(?<!\S)(?:छ|छन्|छैन|गर्ने)(?!\S)")),
        ),
    ),
    "bengali": _Script(((0x980, 0x9FF),), ("bn", "as"), (("as", "ৰৱ"),)),
    "ethiopic": _Script(((0x1200, 0x139F),), ("am",)),
    "kana": _Script(((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF60, 0xFF9F)), ("ja",)),
    "han": _Script(((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3134F)), ("zh",)),
    "hangul": _Script(((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)), ("ko",)),
    "greek": _Script(((0x370, 0x3FF), (0x1F00, 0x1FFF)), ("el",)),
    "hebrew": _Script(((0x590, 0x5FF), (0xFB10, 0xFB4F)), ("he",)),
    "armenian": _Script(((0x530, 0x58F),), ("hy",)),
    "georgian": _Script(((0x10A0, 0x10FF), (0x1C90, 0x1CBF)), ("ka",)),
    "thai": _Script(((0xE00, 0xE7F),), ("th",)),
    "lao": _Script(((0xE80, 0xEFF),), ("lo",)),
    "khmer": _Script(((0x1780, 0x17FF),), ("km",)),
    "myanmar": _Script(((0x1000, 0x109F),), ("my",)),
    "tibetan": _Script(((0xF00, 0xFFF),), ("bo",)),
    "sinhala": _Script(((0xD80, 0xDFF),), ("si",)),
    "tamil": _Script(((0xB80, 0xBFF),), ("ta",)),
    "telugu": _Script(((0xC00, 0xC7F),), ("te",)),
    "kannada": _Script(((0xC80, 0xCFF),), ("kn",)),
    "malayalam": _Script(((0xD00, 0xD7F),), ("ml",)),
    "gujarati": _Script(((0xA80, 0xAFF),), ("gu",)),
    "gurmukhi": _Script(((0xA00, 0xA7F),), ("pa",)),
    "oriya": _Script(((0xB00, 0xB7F),), ("or",)),
    "thaana": _Script(((0x780, 0x7BF),), ("dv",)),
}  # fmt: skip
_SCRIPT_OF_BLOCK = {
    block: name
    for name, script in _SCRIPTS.items()
    for first, last in script.spans
    for block in range(first >> 4, (last >> 4) + 1)
}
_SCRIPTS_OF_LANGUAGE: dict[str, set[str]] = {}
for _name, _script_entry in _SCRIPTS.items():
    for _language in _script_entry.languages:
        _SCRIPTS_OF_LANGUAGE.setdefault(_language, set()).add(_name)
_SCRIPTS_OF_LANGUAGE["ja"].add("han")

_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9_-]*)?")
_LETTER = re.compile("[A-Za-z]")
_NOT_PROSE = re.compile(r"https?://\S+|[@#]\w+|\S+@\S+|[\d_]+")


def normalize(tag: str | None) -> str | None:
    """The code used here for a tag such as `en-GB`, `EN_us`, `prs` or `eng`; None where it is no language tag."""
    found = _TAG.fullmatch(tag.strip()) if tag else None
    if not found:
        return None
    code = found[1].lower()
    return None if code == UNKNOWN else _ALIASES.get(code, code)


def detect(text: str, hint: str | None = None) -> str:
    """The language of `text`; `hint` is its feed's language tag, in any spelling. Never raises: `und` where it is unknown."""
    return detect_all([(text, hint)])[0]


def detect_all(texts: Iterable[tuple[str, str | None]]) -> list[str]:
    """`detect` for many texts, each with its hint: they take the model a third of the time together."""
    found = [_without_model(*each) for each in texts]
    open_ones = [each for each in found if isinstance(each, _Undecided)]
    by_model = iter(_by_model(open_ones) if open_ones else ())
    return [next(by_model) if isinstance(each, _Undecided) else each for each in found]


class _Undecided(NamedTuple):
    """A text whose language the model is asked for."""

    text: str
    script: str
    hinted: str | None


def _without_model(text: str, hint: str | None) -> str | _Undecided:
    prose = _NOT_PROSE.sub(" ", text[:_SAMPLE_CHARS])
    name = _script(prose)
    hinted = normalize(hint)
    if name is None:
        return hinted or UNKNOWN
    script = _SCRIPTS[name]
    if hinted and name not in _SCRIPTS_OF_LANGUAGE.get(hinted, {name}):
        hinted = None
    if len(script.languages) == 1:
        return hinted or script.languages[0]
    if decided := _by_letters(prose, script) or _by_words(prose, script):
        return decided
    if hinted and (len(prose.split()) <= _HINT_WINS_WORDS or hinted not in _labels()):
        return hinted
    return _Undecided(prose, name, hinted)


def _script(text: str) -> str | None:
    """The script of most letters. Latin counts half, since texts in every other script contain Latin names and brands."""
    if text.isascii():
        return "latin" if _LETTER.search(text) else None
    letters: Counter[str] = Counter()
    for letter, count in Counter(text).items():
        if letter.isalpha() and (name := _SCRIPT_OF_BLOCK.get(ord(letter) >> 4)):
            letters[name] += count if name == "latin" else 2 * count
    if not letters:
        return None
    if letters["kana"] * 10 > letters["han"]:
        letters["kana"] += letters["han"]
    return letters.most_common(1)[0][0]


def _by_letters(text: str, script: _Script) -> str | None:
    """The language whose distinctive letters occur; one letter in a hundred may come from a foreign name."""
    lower = text.lower()
    min_count = max(1, len(text) // 100)
    for language, letters in script.letters:
        if sum(map(lower.count, letters)) >= min_count:
            return language
    return None


def _by_words(text: str, script: _Script) -> str | None:
    """The language whose function words and spellings occur most; None for a tie."""
    counts = sorted((len(words.findall(text)), language) for language, words in script.words)
    return counts[-1][1] if counts and counts[-1][0] > counts[-2][0] else None


def _by_model(texts: Sequence[_Undecided]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        features = _model().features([each.text for each in some])
        found += [_likeliest(each, of) or _likeliest_exactly(each) for each, of in zip(some, features, strict=True)]
    return found


def _likeliest(asked: _Undecided, features: Features) -> str | None:
    """The best of a script's languages; None where rounding, which changes with the order of a sum, could decide."""
    choice = _choice(asked.script, asked.hinted)
    found = _model().log_likelihoods(features, choice.columns)
    ranked = found + choice.bonuses
    best = int(ranked.argmax())
    others = ranked[choice.languages != choice.languages[best]]
    lead = float(ranked[best]) - float(others.max(initial=-math.inf))
    # Each of two scores is a sum of so many numbers of one sign, made in two ways.
    rounding = 4 * (len(features.numbers) + 8) * _ROUNDING * (float(abs(found).max()) + _MAX_PRIOR)
    return str(choice.languages[best]) if len(features.numbers) and lead > rounding else None


def _likeliest_exactly(asked: _Undecided) -> str:
    scores: Mapping[str, float] = _model().scores(asked.text)
    ranked = [
        (scores[language] + _bonus(language, asked.hinted), language)
        for language in _candidates(asked.script, asked.hinted)
        if language in scores
    ]
    return max(ranked)[1]


def _candidates(script: str, hinted: str | None) -> set[str]:
    return {*_SCRIPTS[script].languages, *([hinted] if hinted else [])}


def _bonus(language: str, hinted: str | None) -> float:
    return _HINT_BONUS * (language == hinted) + _COMMON_BONUS * (language in _COMMON)


class _Choice(NamedTuple):
    """The languages that a text may be in, by columns of the model: some have two."""

    languages: npt.NDArray[np.str_]
    columns: npt.NDArray[np.intp]
    bonuses: npt.NDArray[np.float64]


@lru_cache(maxsize=256)
def _choice(script: str, hinted: str | None) -> _Choice:
    import numpy as np

    candidates = _candidates(script, hinted)
    columns = [number for number, language in enumerate(_model().nb_classes) if language in candidates]
    languages = [_model().nb_classes[number] for number in columns]
    return _Choice(np.array(languages), np.array(columns), np.array([_bonus(each, hinted) for each in languages]))


_load_lock = threading.Lock()


@lru_cache(maxsize=1)
def _load() -> Identifier:
    from monitor.text import language_model  # with numpy, which takes a tenth of a second: imported only when needed

    return language_model.load()


def _model() -> Identifier:
    """The py3langid identifier; threads may share it, as it is read-only once loaded."""
    with _load_lock:
        return _load()


@lru_cache(maxsize=1)
def _labels() -> frozenset[str]:
    return frozenset(_model().labels)


def preload() -> None:
    """Load the model now instead of at the first article."""
    _model()
