"""What blogs and aggregators append to every entry: "The post … appeared first on …", "Continue reading …". Pure."""

from __future__ import annotations

import re

from monitor.text.signs import Sign, lower

_ELLIPSES = ("…", "...", "[…]", "[...]")
_APPEARED_WORDS = (
    "appeared ", "erschien zuerst auf", "est apparu en premier sur", "primero en", "apareceu primeiro em", "proviene da",
    "è apparso per la prima volta su", "pochodzi z serwisu", "появил", "اولین بار در",
)  # fmt: skip
APPEARED_ON = Sign(
    _APPEARED_WORDS,
    re.compile(
        r"\s*(?:The post|The article|Der Beitrag|L['’]article|La entrada|O post|El artículo|L['’]articolo|Artykuł|Сообщение|Запись"
        r"|نوشته)\s.{1,400}?\s(?:(?:first )?appeared (?:first )?(?:on|in)|erschien zuerst auf|est apparu en premier sur"
        r"|(?:se publicó|apareció) primero en|apareceu primeiro em|proviene da|è apparso per la prima volta su|pochodzi z serwisu"
        r"|(?:впервые )?появил[аио]сь (?:сначала )?(?:на|в)|اولین بار در)\s.{1,200}$",
        re.IGNORECASE,
    ),
)

_MORE_WORDS = (
    " reading", "read more", "read on", "read full ", "read the ", "full story", "full article", "learn more", "lire la suite",
    "weiterlesen", "mehr lesen", "leer más", "seguir leyendo", "leggi tutto", "continua a leggere", "leia mais", "devamini oku",
    "czytaj ", "читать ", "подробнее", "далее", "читати далі", "ادامه ", "بیشتر بخوانید", "مزید پڑھیں", "اقرأ المزيد",
    "نور ولولئ", "और पढ़ें", "阅读全文", "続きを読む", "]",
)  # fmt: skip
# Only as a line or sentence of its own: not in "there is more to read on".
READ_MORE = Sign(
    _MORE_WORDS,
    re.compile(
        r"(?:^|(?<=[\n.!?…\])»”\"'۔؟。]))[\s\[(«<→]*(?:"
        r"(?:click here to )?(?:(?:continue|keep) reading(?:[ :]+.{1,150})?|read (?:more|on|full (?:story|article)))"
        r"|read the (?:full|whole|rest of (?:the|this)) (?:story|article|post)|full story|view (?:the )?full article|learn more"
        r"|lire la suite|weiterlesen|mehr lesen|leer más|seguir leyendo|leggi tutto|continua a leggere|leia mais|devamını oku"
        r"|czytaj (?:więcej|dalej)|читать (?:далее|полностью|дальше|ещё|еще)|подробнее|далее|читати далі|ادامه (?:مطلب|خبر)"
        r"|بیشتر بخوانید|مزید پڑھیں|اقرأ المزيد|نور ولولئ|और पढ़ें|阅读全文|続きを読む"
        r")[\s.…:»›>→\])]*$"
        r"|\s*\[\s*(?:…|\.\.\.|\+\d+ chars|link|comments)\s*\]\s*$",
        re.IGNORECASE,
    ),
)


def without(body: str) -> str:
    """The body without such endings."""
    for _ in range(4):
        head, tail = body[:-700], body[-700:]
        lowered = lower(tail)
        for ending in (APPEARED_ON, READ_MORE):
            tail = ending.pattern.sub("", tail) if ending.may_be_in(lowered) else tail
        if head + tail == body:
            break
        body = (head + tail).rstrip()
    return body


def is_truncated(body: str) -> bool:
    """Whether a body says by its ending that there is more of it."""
    if body.endswith(_ELLIPSES):
        return True
    tail = body[-200:]
    return READ_MORE.may_be_in(lower(tail)) and bool(READ_MORE.pattern.search(tail))
