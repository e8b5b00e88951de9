"""Secrets taken out of texts: the address of a channel, or of a feed that is private, is a password. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from monitor.text import urls
from monitor.text.links import unquoted

MASK: Final = "…"
"""Stands for every secret, in all that people read."""
_SHORTEST: Final = 6
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_=~.-]{10,}|[A-Za-z0-9_=~-]{24,}")
"""A piece of a path that is rather a key than a word."""
_ADDRESS = re.compile(r"https?://[^\s\"'<>)\]]*[^\s\"'<>)\].,;:!]", re.IGNORECASE)
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|auth|sig|credential|session|jwt", re.IGNORECASE)


class _Parts(NamedTuple):
    """The parts of any address, of a database too."""

    password: str
    path: str
    query: str

    @property
    def values(self) -> list[str]:
        """Those of the query's parameters."""
        return [unquoted(pair.partition("=")[2].replace("+", " ")) for pair in self.query.split("&")]


_PARTS = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*?:(?P<password>[^/?#]*)@)?[^/?#]*(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?",
    re.IGNORECASE,
)


def _parts(url: str) -> _Parts:
    found = _PARTS.match(url.strip())
    return _Parts(*((found[name] or "") for name in ("password", "path", "query"))) if found else _Parts("", "", "")


class Secrets:
    """Masks secrets in texts (case U16, Alertmanager's AssertNotifyLeaksNoSecret)."""

    def __init__(self, *values: str) -> None:
        spelled = {form for value in values if value for form in (value, unquoted(value), value.replace("/", "\\/"))}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if spelled else None

    @classmethod
    def of_url(cls, url: str, *others: str) -> Secrets:
        """Masks the URL, its path and query (all of a Slack URL is a password) and their parts, and `others`."""
        parts = _parts(url)
        pieces = [*parts.path.split("/"), *parts.values, parts.query]
        whole = [url, f"{parts.path}?{parts.query}", parts.path if len(parts.path) >= _SHORTEST else ""]
        return cls(*whole, *(each for each in pieces if len(each) >= _SHORTEST), *others)

    @classmethod
    def of_feed(cls, url: str) -> Secrets:
        """Masks a feed's address, what follows its host, and of that the pieces that are rather keys than words, which would be
        masked in the addresses of its articles too."""
        return cls(*keys_of(url))

    def out_of(self, text: str) -> str:
        """The text with `…` in place of every secret."""
        return self._found.sub(MASK, text) if self._found else text

    def are_in(self, text: str) -> bool:
        """Whether the text holds any of them."""
        return bool(self._found and self._found.search(text))


def keys_of(url: str) -> list[str]:
    """What of a secret address must not be shown: all of it, what follows its host, and the keys in that."""
    parts = _parts(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    pieces = [each for each in parts.path.split("/") if _TOKEN.fullmatch(each)]
    return [each for each in (url, target, *pieces, *parts.values, parts.password) if len(each) >= _SHORTEST]


def without_addresses(text: str, secret_url: str) -> str:
    """What is said of a feed whose address is secret: of all addresses in it the host alone, as others of its site may hold the
    same key or another one."""
    return Secrets.of_feed(secret_url).out_of(_ADDRESS.sub(lambda found: urls.masked(found[0]), text))


def shown_address(url: str, *, is_secret: bool) -> str:
    """A feed's address for people: of a secret one the host alone, of others all but the values of parameters named like
    secrets.
    """
    if not url or is_secret:
        return url and urls.masked(url)
    return without_keys(url)


def without_keys(url: str) -> str:
    """An address, of a database too, without user, password and the values of parameters named like secrets."""
    return re.sub(
        r"(?<=[?&])([^=&#]*)=[^&#]*",
        lambda found: f"{found[1]}={MASK}" if _SECRET_NAME.search(found[1]) else found[0],
        re.sub(r"//[^/]*@", f"//{MASK}@", url),
    )
