"""Find the news agency that a text is credited to, from its byline or dateline.

A credit stands in the author field or before the first sentence ("KABUL (Reuters) -", "МОСКВА, 20 окт - РИА Новости."). Being
quoted ("told Reuters") or having supplied a picture ("(AP Photo)") is no credit. In doubt the answer is '': the article then
counts as its outlet's own, which at worst counts one agency text as one more independent source.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.stories import tuning

# Name -> its spellings. Latin abbreviations match in capitals only: Ani and Ria are also people.
AGENCIES: Final[dict[str, tuple[str, ...]]] = {
    "AP": ("AP", "The Associated Press", "Associated Press", "أسوشيتد برس", "اسوشیتدپرس", "آسوشیتدپرس", "美联社"),
    "Reuters": ("Reuters", "REUTERS", "Thomson Reuters", "Рейтер", "Рейтерс", "رويترز", "رویترز", "路透社", "रॉयटर्स"),
    "AFP": (
        *("AFP", "Agence France-Presse", "Agence France Presse", "АФП", "أ ف ب", "ا ف ب", "فرانس برس", "فرانس پرس"),
        *("法新社", "एएफपी"),
    ),
    "TASS": ("TASS", "ITAR-TASS", "ТАСС", "ИТАР-ТАСС", "تاس", "塔斯社"),
    "RIA Novosti": ("RIA Novosti", "RIA", "РИА Новости", "РИА"),
    "Interfax": ("Interfax", "INTERFAX.RU", "INTERFAX", "Интерфакс", "ИНТЕРФАКС"),
    "Sputnik": ("Sputnik News", "RIA/Sputnik"),
    "Xinhua": ("Xinhua", "XINHUA", "Xinhua News Agency", "Синьхуа", "شينخوا", "شینهوا", "新华社", "新華社"),
    "DPA": ("DPA", "dpa", "Deutsche Presse-Agentur", "د ب أ"),
    "EFE": ("EFE", "Agencia EFE", "إفي"),
    "ANSA": ("ANSA",),
    "Kyodo": ("Kyodo", "KYODO", "Kyodo News", "共同社", "共同通信"),
    "Jiji": ("Jiji Press", "Jiji", "JIJI"),
    "Yonhap": ("Yonhap", "YONHAP", "Yonhap News Agency", "연합뉴스", "韩联社"),
    "Anadolu": ("Anadolu", "Anadolu Agency", "Anadolu Ajansı", "الأناضول", "آناتولی"),
    "IRNA": ("IRNA", "ایرنا", "إرنا"),
    "ISNA": ("ISNA", "ایسنا"),
    "Tasnim": ("Tasnim", "Tasnim News Agency", "تسنیم", "تسنيم"),
    "Fars": ("Fars News Agency", "Fars News", "خبرگزاری فارس"),
    "Mehr": ("Mehr News Agency", "Mehr News", "خبرگزاری مهر"),
    "Pajhwok": ("Pajhwok", "Pajhwok Afghan News", "پژواک", "پژواک خبری اژانس"),
    "Bakhtar": ("Bakhtar", "Bakhtar News Agency", "Bakhtar News", "باختر", "آژانس باختر"),
    "Khaama": ("Khaama Press", "Khaama", "خامه پرس", "خامه‌پرس"),
    "ANI": ("ANI", "Asian News International", "एएनआई"),
    "PTI": ("PTI", "Press Trust of India", "पीटीआई", "भाषा"),
    "IANS": ("IANS", "आईएएनएस"),
    "APP": ("APP", "Associated Press of Pakistan"),
    "UPI": ("UPI", "United Press International"),
    "Bloomberg": ("Bloomberg", "Bloomberg News"),
    "PA": ("PA Media", "Press Association"),
    "Belga": ("Belga",),
    "APA": ("APA",),
    "KUNA": ("KUNA", "كونا"),
    "WAM": ("WAM",),
    "SANA": ("SANA", "سانا"),
    "Ukrinform": ("Ukrinform", "Укринформ", "Укрінформ"),
    "Kazinform": ("Kazinform", "Казинформ"),
    "BelTA": ("BelTA", "БелТА", "БЕЛТА"),
    "AKIpress": ("AKIpress",),
    "24.kg": ("24.kg",),
}


_NAME_OF = {spelled: name for name, spellings in AGENCIES.items() for spelled in spellings}
_NAME_OF_FOLDED = {spelled.casefold(): name for spelled, name in _NAME_OF.items()}
_LONGEST_FIRST = sorted(_NAME_OF, key=len, reverse=True)
# Whole words, and not the first half of another agency's name ("Interfax-Ukraine"; "Associated Press of Pakistan" is tried first).
_AGENCY = r"(?<!\w)(?P<agency>" + "|".join(map(re.escape, _LONGEST_FIRST)) + r")(?!\w|-\w)"
_DASH = r"(?:-{1,3}|[–—―−])"
_MONTH = r"(?:\d{1,2}(?:st|nd|rd|th)?\.?\s?[^\W\d_]{3,10}|[^\W\d_]{3,9}\.?\s?\d{1,2})\.?(?:,?\s\d{4})?"
# A place, perhaps with a country and a date: few words, no sentence end before the agency except an abbreviation's.
_PLACE = r"[^\n()（）!?;«»\"“”]{0,60}?(?:\([^()\n]{2,25}\)[^\n()（）!?;«»\"“”]{0,40}?)?"
_PREFIX = r"(?:خبرگزاری\s|آژانس\s|وكالة أنباء\s|агентство\s|[\w .]{2,15}/)?"
_BRACKETED = rf"[(（\[]\s*{_PREFIX}{_AGENCY}(?:\s*[/,&-]\s*[\w .]{{2,20}})?\s*[)）\]]"

# Matched at the start of each of the text's first lines, where it holds one of the characters that each begins with.
_DATELINES = tuple(
    (re.compile(f"[{needed}]"), re.compile(pattern))
    for needed, pattern in (
        # KABUL, Oct 20 (Reuters) -    Kabul [Afghanistan], October 20 (ANI):    Madrid, 20 oct (EFE).-    کابل (باختر):
        ("(（\\[", rf"{_PLACE}{_BRACKETED}\s*\.?\s*(?:{_DASH}|[:：؛])"),
        # New Delhi, Oct 20 (PTI) The foreign ministry ...
        ("(（\\[", rf"[^\W\d_][^\n()!?;]{{0,40}}?,?\s{_MONTH},?\s*{_BRACKETED}\s"),
        # NEW YORK (AP) The council ... (the dash is missing)
        ("(（\\[", rf"[A-Z][A-Z .'/-]{{2,30}}(?:,\s[A-Z][\w. ]{{1,20}})?\s(?:{_DASH}\s)?{_BRACKETED}\s(?=[A-Z\"“‘'])"),
        # Washington (AFP), alone on its line
        ("(（\\[", rf"[^\W\d_][\w ,'’-]{{1,25}}\s{_BRACKETED}$"),
        # MOSCOW, October 20. /TASS/.
        ("/", rf"{_PLACE}/\s?{_AGENCY}\s?/\s*[.,:–—-]"),
        # By: PTI | Marlbridge |
        ("B", rf"By:?\s+{_AGENCY}\s*(?:\||$)"),
        # МОСКВА, 20 окт — РИА Новости.
        ("–—―−-", rf"[^\n()!?;]{{2,40}}?{_MONTH}\s*{_DASH}\s*{_AGENCY}\s*[.,:]"),
        # Москва. 20 октября. INTERFAX.RU -    Tehran, IRNA -    PARIS: AFP -    Reuters -
        ("–—―−-", rf"(?:[^\n()!?;]{{2,40}}?[.,:]\s?)?{_AGENCY}\s*{_DASH}\s"),
        # 新华社北京10月20日电
        (
            "电電",
            r"[（(]?(?P<agency>新华社|新華社|法新社|路透社|美联社|韩联社|共同社|塔斯社)[^，。,.\n]{0,24}[电電](?!影|视|话|力)",
        ),
    )
)
_IN_BYLINE = re.compile(_AGENCY)
_BY = re.compile(r"\A(?:by|von|par|por|автор:?|از)\s+", re.IGNORECASE)


def credited_agency(author: str, text: str) -> str:
    """Return the agency that an article is credited to, as named in `AGENCIES`; '' if there is none."""
    return _agency_in_byline(author) or _agency_in_dateline(text)


def _agency_in_byline(author: str) -> str:
    """Examples: `Reuters`, `By John Doe, Associated Press`, `Agence France-Presse in Kabul`, `PTI | New Delhi`."""
    author = _BY.sub("", author[: tuning.BYLINE_CHARACTERS].strip())
    whole = _NAME_OF_FOLDED.get(author.casefold().strip(" .()[]"))
    if whole:
        return whole
    match = _IN_BYLINE.search(author)
    return _NAME_OF[match["agency"]] if match else ""


def _agency_in_dateline(text: str) -> str:
    lines = text[: tuning.CREDIT_CHARACTERS].splitlines()
    for line in lines[: tuning.CREDIT_LINES]:  # a byline or the headline may stand above it
        start = line[: tuning.DATELINE_CHARACTERS].strip(" \t\ufeff\u200e\u200f*•")
        for needed, dateline in _DATELINES if len(start) > 1 else ():
            if needed.search(start) and (match := dateline.match(start)):
                return _NAME_OF[match["agency"]]
    return ""
