"""Time zones as publishers name them: `MSK`, `CEST`, `GMT+7`, `America/Los_Angeles`, `Pakistan Standard Time`. Pure.

Of names that several countries use, the one whose news is most read in feeds counts: IST is India's (Israel and Ireland write
offsets), CST and AST are North America's, BST is Britain's.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from monitor.text import windows_zones

_MINUTES = {
    "GMT UTC UT Z WET UCT ZULU UNIVERSAL": 0,
    "CET BST WEST MEZ WAT IRISH": 60,
    "CEST MESZ MEST EET CAT SAST": 120,
    "EEST MSK TRT EAT SYOT FET": 180,
    "IRST": 210,
    "MSD SAMT GST AZT GET AMST": 240,
    "IRDT AFT": 270,
    "PKT UZT TJT TMT YEKT ORAT AQTT MVT": 300,
    "IST SLST": 330,
    "NPT": 345,
    "KGT ALMT OMST BDT BTT NOVST": 360,
    "MMT": 390,
    "ICT WIB KRAT NOVT HOVT THA": 420,
    "HKT SGT PHT AWST IRKT MYT WITA ULAT PHST BNT": 480,
    "JST KST WIT YAKT": 540,
    "ACST": 570,
    "AEST VLAT CHST PGT": 600,
    "ACDT": 630,
    "AEDT SAKT MAGT SBT": 660,
    "NZST PETT FJT": 720,
    "NZDT": 780,
    "AZOST EGST CVT": -60,
    "NDT UYST": -150,
    "ADT BRT ART CLST UYT GFT PMST ROTT": -180,
    "NST": -210,
    "EDT AST CLT BOT VET GYT PYT": -240,
    "EST CDT COT PET ECT CIST": -300,
    "CST MDT EAST GALT": -360,
    "MST PDT": -420,
    "PST AKDT": -480,
    "AKST GAMT": -540,
    "HST HAST TAHT SDT": -600,
    "SST": -660,
}
_OFFSETS = {name: minutes for names, minutes in _MINUTES.items() for name in names.split()}
# Names that mean an offset by the season, and those that systems of a kind write out.
_PLACES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "EASTERN": "America/New_York",
    "CENTRAL": "America/Chicago",
    "MOUNTAIN": "America/Denver",
    "PACIFIC": "America/Los_Angeles",
    "MOSCOW": "Europe/Moscow",
    "RUSSIAN": "Europe/Moscow",
    "PAKISTAN": "Asia/Karachi",
    "AFGHANISTAN": "Asia/Kabul",
    "IRAN": "Asia/Tehran",
    "INDIA": "Asia/Kolkata",
    "CHINA": "Asia/Shanghai",
    "TOKYO": "Asia/Tokyo",
    "JAPAN": "Asia/Tokyo",
    "ARABIAN": "Asia/Dubai",
    "ARAB": "Asia/Riyadh",
    "TURKEY": "Europe/Istanbul",
    "TAJIKISTAN": "Asia/Dushanbe",
    "UZBEKISTAN": "Asia/Tashkent",
    "KOREA": "Asia/Seoul",
    "SINGAPORE": "Asia/Singapore",
    "BRITISH": "Europe/London",
}
_LONG = re.compile(r"(?<![^\W_])((?:[a-z]+\.?\s){0,4}?[a-z]+\.?)(?:\s(standard|daylight|summer))?\s(?:time)\b")
_LONG_PLACES = {
    "coordinated universal": "UTC",
    "greenwich mean": "UTC",
    "western european": "Europe/Lisbon",
    "московское": "Europe/Moscow",
    "central european": "Europe/Berlin",
    "eastern european": "Europe/Kyiv",
}
_IANA = re.compile(r"\b(?:[a-z]{2,20}/[a-z_+-]{2,30}(?:/[a-z_]{2,30})?\d{0,2}|[a-z]{3}\d[a-z]{3}\b)")
_OFFSET = re.compile(r"(?:\b(?:gmt|utc|z)\s*)?(?<![\d-])([+-])(\d{1,2})(?::?([0-5]\d))?(?::00)?(?![\d:/-])")
_NAME = re.compile(r"(?<![^\W_])[a-z]{1,9}(?![^\W_])")
TimeOfDay = tuple[int, int, int]
"""Hour, minute, second."""
MAX_HOURS = 15
"""Beyond all that zones are ahead or behind."""


def take(text: str) -> tuple[tzinfo | None, str]:
    """The zone that a lower-case text names, and the text without it; None where it names none, or one that does not exist.

    An offset outranks an abbreviation beside it. `text` must be without its date and time: `-10` would pass for an offset.
    """
    for pattern, resolve in ((_IANA, _of_iana), (_OFFSET, _of_offset), (_LONG, _of_long), (_NAME, _of_name)):
        for found in pattern.finditer(text):
            zone = resolve(found)
            if zone is not None:
                return zone, f"{text[: found.start()]} {text[found.end() :]}"
    return None, text


def local(moment: datetime, zone: tzinfo | None) -> datetime:
    """A moment on the clocks of a zone, as UTC; without a zone it is UTC."""
    return moment.replace(tzinfo=zone or UTC).astimezone(UTC)


def at(day: date, time: TimeOfDay | None, zone: tzinfo | None) -> datetime | None:
    """A time of a day on the clocks of a zone, as UTC; its beginning without a time. None where there is no such time."""
    hour, minute, second = time or (0, 0, 0)
    if hour > 24 or minute > 59 or (hour == 24 and (minute or second)):
        return None
    try:
        start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - on the clocks of `zone`
        return local(start + timedelta(hours=hour, minutes=minute, seconds=min(second, 59)), zone)
    except (ValueError, OverflowError):
        return None


def _of_offset(found: re.Match[str]) -> tzinfo | None:
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if offset >= timedelta(hours=MAX_HOURS):
        return None
    return timezone(-offset if found[1] == "-" else offset)


def _of_iana(found: re.Match[str]) -> tzinfo | None:
    return _zone(found[0])


def _of_long(found: re.Match[str]) -> tzinfo | None:
    """The place by as many of the words before "time" as name one: the words before these are others."""
    words = found[1].split()
    for first in range(len(words)):
        named = " ".join(words[first:])
        if name := _LONG_PLACES.get(named) or windows_zones.PLACES.get(named) or _PLACES.get(named.upper()):
            return _zone(name)
    return None


def _of_name(found: re.Match[str]) -> tzinfo | None:
    name = found[0].upper()
    if name in _OFFSETS:
        return timezone(timedelta(minutes=_OFFSETS[name]))
    return _zone(_PLACES[name]) if name in _PLACES and len(name) == 2 else None


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo | None:
    """The zone of an IANA name in any case; None where there is none."""
    parts = [
        "/".join("_".join(each.capitalize() for each in part.split("_")) for part in name.split("/")),
        name[: name.find("/")].upper() + "/" + name[name.find("/") + 1 :].capitalize(),
        name.upper(),
        name,
    ]
    for spelling in parts:
        try:
            return ZoneInfo(spelling.replace("_Of_", "_of_").replace("Etc/Gmt", "Etc/GMT").replace("_Au_", "_au_"))
        except (OSError, ValueError):  # unknown (ZoneInfoNotFoundError is a KeyError), or no name of a file
            continue
        except KeyError:
            continue
    return None
