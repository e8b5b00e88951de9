"""Headlines in eight languages, made of word lists of our own, with everything that a mail header can lose: spaces at either end
and doubled, digits, quotes, emoji, joiners, `=?` and words longer than a line."""

from __future__ import annotations

import random

WORDS = {
    "ru": "Лавров заявил что переговоры в Кабуле продолжатся завтра министр встреча о границе и помощь беженцам ёлка съезд".split(),
    "fa": "وزیر خارجه گفت گفت‌وگوها در کابل ادامه می‌یابد مرز بسته شد کمک به پناه‌جویان و نشست تازه".split(),
    "ps": "د بهرنیو چارو وزیر وویل چې په کابل کې خبرې روانې دي پوله وتړل شوه مرسته نوې ناسته ښوونځی ګډه".split(),
    "ur": "وزیر خارجہ نے کہا کہ کابل میں مذاکرات جاری رہیں گے سرحد بند ہے امداد پہنچ گئی نئی بیٹھک ڈیڑھ".split(),
    "ar": "قال وزير الخارجية إن المحادثات في كابول ستستمر غدا الحدود مغلقة والمساعدات وصلت إلى اللاجئين اجتماع جديد".split(),
    "zh": "外长 表示 喀布尔 会谈 将 继续 边境 关闭 援助 抵达 难民营 新一轮 会议 明天 举行 𠮷野家".split(),
    "en": "Foreign minister says talks in Kabul go on as border stays shut and aid reaches camps new round of meetings".split(),
    "fr": "Le ministre déclare que les négociations à Kaboul se poursuivent l’été frontière fermée œuvre où ça naïf".split(),
}
"""Language -> words."""
_BETWEEN = (" ", " ", " ", " ", "  ", ", ", ": ", " — ", " – ", "; ", " / ")
_MARKS = (
    "«{}»",
    "“{}”",
    '"{}"',
    "'{}'",
    "({})",
    "[{}]",
    "{}!",
    "{}?",
    "{}…",
    "<{}>",
    "{}@example.org",
    "=?{}?=",
    "{}_{}",
    "={}",
    "\\{}",
)
_ODDITIES = (
    "2026",
    "12,5 %",
    "٣٤",
    "۱۴۰۵",
    "№ 7",
    "G20",
    "🔥",
    "👩🏽‍🚒",
    "🇦🇫",
    "e\u0301",
    "\u200c",
    "=?utf-8?q?a=0Ab?=",
    "?=",
    "=20",
    "a_b",
    "C++",
)


def headlines(count: int, *, seed: int = 144156) -> list[tuple[str, str]]:
    """(language, headline), the languages in turn; the same for the same seed."""
    chance = random.Random(seed)
    languages = list(WORDS)
    return [(language, _headline(chance, WORDS[language])) for language in (languages[n % 8] for n in range(count))]


def _headline(chance: random.Random, words: list[str]) -> str:
    said = "".join(_word(chance, words) + chance.choice(_BETWEEN) for _ in range(chance.randint(1, 24)))
    said = said if chance.random() < 0.2 else said.strip()
    return f"{' ' * chance.randint(1, 3)}{said}" if chance.random() < 0.1 else said


def _word(chance: random.Random, words: list[str]) -> str:
    kind = chance.random()
    word = chance.choice(words)
    if kind < 0.12:
        return chance.choice(_MARKS).replace("{}", word)
    if kind < 0.24:
        return chance.choice(_ODDITIES)
    return word * chance.randint(8, 40) if kind < 0.27 else word
