"""Recognise items on many subjects, or on nothing that happened: newsletters, news in brief, galleries of a week, horoscopes.

Such an item is on no event: by meaning it is near to each of its subjects and to every other item of its kind.
"""

from __future__ import annotations

import re
from functools import lru_cache

from monitor.stories import tuning

_WHEN = (
    r"(?:morning|midday|evening|nightly|daily|weekly|weekend|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
)
_TITLES = (
    # English
    rf"\b{_WHEN}\s(?:news\s)?(?:briefing|newsletter|digest|round-?up|wrap|bulletin|headlines)\b",
    r"\bnewsletter:|^(?:the\s)?(?:news|world|business)\s(?:in\sbrief|briefs?|round-?up|digest)\b|\bin\sbrief\W*\Z",
    r"\bround-?up(?::|\W*\Z)|^(?:\w+\s)?newspaper\sheadlines\b|\bwhat\sthe\spapers\ssay\b|\bpress\s(?:review|digest)\b",
    r"\bweek\sin\s(?:pictures|photos|review)\b|\btop\s(?:stories|headlines)\s(?:of|today|this|at|for)\b|\bhoroscopes?\b",
    r"^(?:the|this|your|last)\s(?:day|week|weekend|month)\s(?:in|at)\s(?:[^\s:?!]{1,20}\s?){1,4}(?::|\W*\Z)|\bthis\s(?:day|week)\sin\shistory\b",
    r"\bthings\s(?:you\s(?:need|should|have)\s)?to\sknow\b(?!\s(?:about|before|if|when|after|from)\b)",
    # German, French, Spanish, Portuguese
    r"\bnachrichten\s(?:des\stages|am\s(?:morgen|abend))\b|\bnachrichtenüberblick\b|\b(?:morgen|abend)briefing\b|\bpresseschau\b",
    r"\bhoroskope?\b|\bbilder\sder\swoche\b",
    r"\brevue\sde\s(?:la\s)?presse\b|\bessentiel\sde\sl['’]actualité\b|\bla\ssemaine\sen\simages\b",
    r"\bresumen\sde\s(?:la\s)?(?:noticias|prensa|semana)\b|\b(?:las\s)?noticias\sdel?\s(?:día|hoy)\b|\bhor[óo]scopo\b",
    # Russian, Ukrainian
    r"\bдайджест\b|\bглавн(?:ое|ые\sновости)\s(?:за|к|на)\s|\bитоги\s(?:дня|недели)\b|\bгороскоп\b|\bобзор\s(?:прессы|сми)\b",
    # Persian, Arabic, Urdu
    r"خلاصه خبرها|اهم اخبار|مرور روزنامه|نشرة الأخبار|جولة الصحافة|أبرز عناوين|اہم خبریں|خبروں کا خلاصہ|آج کا دن کیسا",
    # Vietnamese, Chinese
    r"\bđiểm tin\b|\btin nhanh\b|\btử vi\b|早报[:：]|晚报[:：]|早餐[:：]|要闻(?:速览|回顾|汇总)|一周(?:要闻|回顾)|星座运势",
)
_ROUND_UP = re.compile("|".join(_TITLES), re.IGNORECASE)
_WEEDKILLER = re.compile(r"\b(?:[a-z]+|About|After|Against|By|From|In|Into|Of|On|Over|To|Using|With)\sRoundup\b")
"""The name of a product that courts are asked about: in a sentence, where a digest would be written small."""


# A new headline is compared with a dozen others, and these with many new ones.
@lru_cache(maxsize=tuning.RECENT_HEADLINES)
def is_round_up(title: str) -> bool:
    """Whether a headline announces a newsletter, a digest, a horoscope or the like."""
    return bool(_ROUND_UP.search(_WEEDKILLER.sub("", title)))
