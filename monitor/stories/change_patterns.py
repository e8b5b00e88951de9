"""Word lists and patterns for comparing two versions of an article: boilerplate, quotes, numbers, negations, names.

Every repeat in a pattern has an upper bound: the texts come from strangers, and a page of digits must not cost a minute (ReDoS).
"""

from __future__ import annotations

import re

from monitor.stories.agencies import AGENCIES
from monitor.text.tokens import tokens

DOUBLED_LETTER = re.compile(r"(.)\1+")
SENTENCE_END = re.compile(r"[.!?…।۔؟。！？][\"'”’»)\]」』]*$")
CURRENCY = re.compile("[$£€¥₹₽؋﷼₨₺₴]|Rs\\b")
# Place and date of a report: "KABUL, Oct 20 (Reuters) -", "МОСКВА, 20 окт -".
DATELINE = re.compile(
    r"\A\W{0,3}(?:[^\n()]{0,60}\([^\n()]{2,40}\)|[A-ZА-ЯЁ]{3,}[^\n()–—]{0,50}?)\s{0,3}(?:[–—]|-{1,2}\s)\s{0,3}"
)
CORRECTION_NOTE = re.compile(
    r"\b(?:corrections?\s*:|corrected\s+(?:to|from|version|the|a|an)\b|correct(?:s|ing)\s|(?:was|been)\s+corrected|clarifications?\s*:"
    r"|an? (?:earlier|previous) version of|earlier versions? of this)|\A\W{0,3}(?:corrected|refile)\b|исправлен[аоы]?\b|уточнен"
    r"|в предыдущей версии|تصحیح|تصحيح|اصلاحیه|更正|勘误|корректировк",
    re.IGNORECASE,
)
# An outlet takes its own article back: as agencies head a title, ...
RETRACTION_TITLE = re.compile(
    r"\A\W{0,3}(?:(?i:retract(?:ed|ion)|опровержение|отозвано|rétractation|zurückgezogen)"
    r"|(?:STORY )?WITHDRAWN|(?:STORY |MANDATORY )?KILL(?:ED)?)(?:\s?:|\s[–—-]\s)"
)
# ... or as a sentence says of "this article". "This report was withdrawn" may be anybody's.
RETRACTION_NOTE = re.compile(
    r"\bthis (?:story|article) (?:ha[sd] been|was|is)(?: now)? (?:retracted|withdrawn|removed|taken down)"
    r"|\b(?:have|has) (?:retracted|withdrawn) (?:this|our|its) (?:story|article)"
    r"|\b(?:материал|статья|новость) (?:был[аои]? )?(?:удал[её]н|отозван)"
    r"|\bdiese[rn]? (?:artikel|meldung|beitrag) (?:wurde|ist|haben wir) (?:\w{1,20} ){0,4}(?:zurückgezogen|gelöscht)"
    r"|\bcet article (?:a été|est) (?:retiré|supprimé|rétracté)"
    r"|\best[ea] (?:artículo|noticia) (?:ha sido|fue) (?:retirad|eliminad|retractad)[oa]"
    r"|این (?:خبر|گزارش|مطلب) (?:حذف|پس گرفته) شد|یہ (?:خبر|رپورٹ) واپس لے لی|(?:سحب|حذف) (?:هذا الخبر|هذا التقرير|هذه المقالة)"
    r"|(?:本文|此文|该报道|本报道)(?:已经?|被)(?:撤回|撤稿|删除)|\bbài (?:viết|báo)(?: này)? đã (?:bị )?(?:gỡ|rút)",
    re.IGNORECASE,
)
# A headline of what explains and stays: "How many have been vaccinated?", "Was wir wissen", "Что известно о ...".
EXPLAINER = re.compile(
    r"[?？؟]\W*\Z|\bhow to\b|\b(?:explained|explainer|timeline|at a glance|q&a|faq)\b|\bwhat (?:we|you need to) know\b"
    r"|\bwas wir wissen\b|\bim überblick\b|\bce que l['’]on sait\b|\bqué se sabe\b|\bчто известно\b|آنچه می‌دانیم",
    re.IGNORECASE,
)
YEAR = re.compile(r"(?:19|20)\d\d")
_UNITS = "minute|hour|day|week|month|year|min|hr|sec|second"
RELATIVE_TIME = re.compile(
    rf"\b(?:\d{{1,4}}|an?|one|two|three|few)\s{{1,3}}(?:{_UNITS})s?\s{{1,3}}ago\b|\b\d{{1,4}}[smhd]\s{{1,3}}ago\b|\bjust now\b"
    r"|\b\d{0,4}\s{0,3}(?:секунд|минут|час|дн|день)\w{0,6}\s{1,3}назад"
    r"|[\d۰-۹٠-٩]{1,4}\s{1,3}(?:دقیقه|ساعت|روز|دقیقې)\s{1,3}(?:پیش|قبل|وړاندې)"
    r"|[\d۰-۹٠-٩]{1,4}\s{1,3}(?:منٹ|گھنٹے|دن)\s{1,3}(?:قبل|پہلے)|\d{1,4}\s{0,3}(?:分钟|小时|天)前",
    re.IGNORECASE,
)
COUNTERS = re.compile(
    r"\b\d[\d.,]{0,9}\s{0,3}[km]?\s{1,3}(?:comments?|shares?|views?|likes?|reactions?|replies)\b"
    r"|\b(?:comments?|shares?|views?)\s{0,3}[:(]\s{0,3}\d[\d.,]{0,9}\)?"
    r"|\b\d[\d\s]{0,9}(?:комментари|просмотр)\w{0,6}|\b(?:комментарии|просмотры)\s{0,3}[:(]\s{0,3}\d{1,9}\)?"
    r"|[\d۰-۹٠-٩]{1,9}\s{0,3}(?:نظر|دیدگاه|تبصرے)\b",
    re.IGNORECASE,
)
CLOCK_AT_START = re.compile(
    r"^\W*\d{1,2}[:.]\d{2}(?:\s*[ap]\.?m\b\.?)?(?:\s*(?:GMT|UTC|BST|EDT|EST|PDT|PST|CET|MSK|МСК|ET))?\W*", re.IGNORECASE
)
BOILERPLATE = re.compile(
    r"^\W*(?:last\s+)?(?:updated|published|modified|posted|обновлено|опубликовано)\b.{0,80}$"
    r"|^\W*\(?\s*(?:(?:additional\s+)?reporting|writing|editing|edited)\s+by\b"
    r"|\ball rights reserved\b|©|\bimage (?:caption|source|copyright)\b"
    r"|^\W*(?:read more|see also|also read|related|watch|listen|more on this)\s*:"
    r"|^\W*(?:читайте также|подробнее|مزید پڑھیں|بیشتر بخوانید)\s*:"
    r"|\b(?:sign up|subscribe)\b.{0,60}\b(?:newsletter|alerts?|inbox|channel|updates)\b|^\W*follow (?:us|.{1,30}) on\b"
    r"|^\W*(?:sign up|subscribe)\s(?:for|to)\b.{0,160}$|^\W*read \d{1,3} more\b"
    r"|^\W*(?:share|print|email|comments?|advertisement)\W*$",
    re.IGNORECASE,
)
SPELLED_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
# A headline with the outlet's name appended: anything short after a bar, up to four capitalised words after a dash
# ("— BBC News", "— РИА Новости").
SIGNED_HEADLINE = re.compile(r"(.{10,400}?)\s(?:\|\s[^\d|]{2,40}|[-–—]\s[^\W\d_a-zа-я]\w*(?:\s[^\W\d_a-zа-я]\w*){0,3})")
NUMBERED_NAME = re.compile(r"(?<=[^\W\d_])-\d+\b")  # Covid-19, F-16: a name, not a number
CLOCK_DOT = re.compile(r"(?<=\d)\.(?=[0-5]\d\s?[ap]\.?m\b)", re.IGNORECASE)  # 5.30am is 5:30am
BILLIONS = re.compile(r"(?<=\d)\s?bn\b", re.IGNORECASE)
MILLIONS = re.compile(r"([$£€¥₹]\s?\d[\d.,]{0,12})\s?mn?\b", re.IGNORECASE)  # only of money: "3 m" are metres
LONG_WORD = re.compile(r"[^\W\d_]{4,}")
# A capital after a letter, digit or comma: not at a sentence's start, nor just after an opening quote, a colon or a dash.
BEFORE_INNER_CAPITAL = re.compile(r"[\w,;)%][\"'’”»]?\s+(?:[\"“‘«(]\s*)?$")
QUOTED = re.compile(
    r"“([^“”]{3,1000})”|«([^«»]{3,1000})»|„([^„“”]{3,1000})[“”]|「([^「」]{2,1000})」|\"([^\"\n]{3,1000})\""
)
HAN_NEGATION = re.compile("[不没沒無无未非]")


def _words(listed: str) -> frozenset[str]:
    return frozenset(word for part in listed.split() for word in tokens(part))


NEGATIONS = _words(
    "not no never without cannot nor neither nobody nothing none denies denied deny не нет ни без никогда никто ничего "
    "nicht kein keine nie ne pas jamais sans non nunca sin jamás نه نیست نیستند نبود بدون هیچ هرگز نہیں نہ مت بغیر "
    "لا لم لن ليس ليست غير دون نشته هیڅ नहीं न मत değil yok hiç ei"
)
UNITS_OF_MEASURE = _words(
    "mile miles km kilometre kilometres kilometer kilometers mph kph kmh foot feet ft metre metres meter meters yards acres "
    "hectares pound pounds lb lbs kg kilogram kilograms tons tonnes celsius fahrenheit dollars euros rupees roubles rubles "
    "yuan yen crore lakh"
)
WEEKDAYS = _words(
    "monday tuesday wednesday thursday friday saturday sunday понедельник вторник среду четверг пятницу субботу воскресенье"
)
WORDS_OF_AGENCIES = frozenset(word for spelled in AGENCIES.values() for each in spelled for word in tokens(each))
# One-word spellings only: "Press Trust of India" and "Agence France-Presse" contain names that count as names.
ONE_WORD_AGENCIES = frozenset(
    tokens(each)[0] for spelled in AGENCIES.values() for each in spelled if len(tokens(each)) == 1
)
NOT_NAMES = WEEKDAYS | _words(
    "i i'm i'll i've mr mrs ms dr sir president minister the a an in on at it he she we they but and "
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec gmt utc bst am pm"
)
_SMALL = (
    "zero . two|два|две three|три four|четыре five|пять six|шесть seven|семь eight|восемь nine|девять ten|десять "
    "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred"
NUMBER_WORDS = (
    {word: str(value) for value, words in enumerate(_SMALL.split()) for word in words.split("|")}
    | {word: str(value * 10) for value, word in enumerate(_TENS.split(), start=2)}
    | {"dozen": "12", "thousand": "1000", "million": "million", "billion": "billion"}
)

TENS_AND_ONES = re.compile(
    r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-(one|two|three|four|five|six|seven|eight|nine)\b",
    re.IGNORECASE,
)
MULTIPLES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
PLAIN_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,4})?")
