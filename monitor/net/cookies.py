"""The cookies of one chain of redirects, for walls that redirect until their cookie comes back. Pure.

They are kept by origin, in memory, and end with the fetch: attributes such as Domain and Path, which say where a browser sends a
cookie for months, have no meaning here, except that Max-Age or Expires may take one back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitor.net.http import Headers

Cookies = Mapping[str, str]
"""Name -> value, as the server wrote them."""

MAX_COOKIES = 50
MAX_BYTES = 8 * 1024
"""Of all cookies sent to one origin; browsers allow about as much, servers refuse more."""
_NAME = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]{1,255}")
_VALUE = re.compile(r"[\x20-\x3a\x3c-\x7e\x80-\xff]{0,4096}")
_TAKEN_BACK = re.compile(r";\s*(?:max-age\s*=\s*-?0*(?:;|$)|max-age\s*=\s*-\d|expires\s*=[^;]*\b19[0-9]{2}\b)", re.I)


def after(headers: Headers, known: Cookies) -> dict[str, str]:
    """The cookies of an origin after its answer: those it set are added, those it took back are gone."""
    kept = dict(known)
    for line in headers.all("set-cookie"):
        name, equals, value = (each.strip() for each in line.partition(";")[0].partition("="))
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            continue
        kept.pop(name, None)
        if not _TAKEN_BACK.search(line):
            kept[name] = value
    return kept


def header(cookies: Cookies) -> dict[str, str]:
    """The Cookie request header, {} where there is nothing to send; what is beyond the limits is left out."""
    sent: list[str] = []
    for name, value in list(cookies.items())[-MAX_COOKIES:]:
        if sum(map(len, sent)) + len(name) + len(value) < MAX_BYTES:
            sent.append(f"{name}={value}")
    return {"Cookie": "; ".join(sent)} if sent else {}
