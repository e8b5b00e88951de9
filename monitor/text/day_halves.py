"""Which half of the day an hour of twelve is in, as dates say it in the languages of feeds: pm, مساء, 下午, вечера. Pure."""

from __future__ import annotations

import re

_BEHIND = r"(?<=\d)\s*"
"""Short words count only behind a number: `du`, `em` and `md` are also other words."""
_YEAR = r"(?<!\d\d\d\d)"
"""What stands behind a year is no hour: `2026م` says that the year is Gregorian."""

_AFTERNOON = re.compile(
    r"(?<![^\W\d_])p\.?\s?m\b\.?|오후|下午|晚上|午後|傍晚|ب\.\s?ظ|بعد ?از ?ظهر|مساءا?|μ\.?μ\b\.?|\bpomeriggio\b|เย็น|หลังเที่ยง"
    rf"|{_YEAR}{_BEHIND}م\b|{_YEAR}{_BEHIND}(?:ch|ös|ptg|em|md|ip|пп)\b|\bdu\.(?=\s?\d)|\bpo(?:po|podne)\b|сл\.?\s?об"
    r"|अपराह्न|शाम|عصر|شام|বিকাল|বিকেল|সন্ধ্যা|\bвечера\b|\bвечора\b|\babends\b|\bdu soir\b|\bde la noche\b|\bda noite\b|\bdella sera\b"
)
_MORNING = re.compile(
    r"(?<![^\W\d_])a\.?\s?m\b\.?|오전|上午|早上|凌晨|午前|ق\.\s?ظ|قبل از ظهر|صباحا?|π\.?μ\b\.?|ก่อนเที่ยง"
    rf"|{_YEAR}{_BEHIND}ص\b|{_YEAR}{_BEHIND}(?:sa|öö|pg|fm|pd|ap|дп)\b|\bde\.(?=\s?\d)|пр\.?\s?об|पूर्वाह्न|सुबह|صبح|সকাল|\bутра\b|\bранку\b"
)
# The hours before six of these are in the afternoon, or in the night before: `3 дня` is three o'clock, `11 дня` eleven.
_NOON = re.compile(
    r"\bдня\b|दोपहर|دوپہر|ظهر|দুপুর|中午|เที่ยง|\bde la tarde\b|\bda tarde\b|\bde l'après-midi\b|\bnachmittags\b"
)
_NIGHT = re.compile(r"\bночи\b|\bночі\b|रात|رات|شب|রাত|\bnachts\b")


def is_named(text: str) -> bool:
    """Whether a lower-case text says before noon or after it."""
    return bool(_AFTERNOON.search(text) or _MORNING.search(text))


def hour_of(hour: int, text: str) -> int:
    """The hour of 24 that `hour` is by what the text says."""
    if hour > 12:
        return hour
    if _AFTERNOON.search(text):
        return hour % 12 + 12
    if _MORNING.search(text):
        return hour % 12
    if _NOON.search(text) and hour < 6:
        return hour + 12
    if _NIGHT.search(text):
        return hour % 12 + (12 if 6 <= hour < 12 else 0)
    return hour


def without(text: str) -> str:
    """The text without these words."""
    for words in (_AFTERNOON, _MORNING, _NOON, _NIGHT):
        text = words.sub(" ", text)
    return text
