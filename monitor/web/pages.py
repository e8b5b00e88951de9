"""What all pages share: the parts of a request that they use, limits on what a browser may send, and paths of our own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException

from monitor.web.forms import Upload

PAGE_SIZE = 50
LAST_PAGE = 100_000
WORDS_LIMIT = 300
ID_LIMIT = 2**31
"""Ids are below this: the databases' INTEGER."""
_OWN_PATH = re.compile(r"/(?:(?:articles|stories)/[0-9]{1,10}|near|views)?(?:\?[!-\[\]-~]{0,2000})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """The parts of a request that pages use."""

    here: str
    """Path and query."""
    who: str = ""
    token: str = ""
    """The CSRF token for every form."""
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    """The id in the path."""
    name: str = ""
    """The name in the path: of a feed, a topic or a channel."""
    files: Sequence[Upload] = ()
    """What was sent with a form that takes files."""
    secret: str = ""
    """The secret in the path."""
    known_tag: str = ""
    """The ETag that the client has."""
    is_script: bool = False
    """Our own script asks, for JSON: it keeps the page as it is."""


_DONE_PARAMETER = re.compile(r"[?&](?:done|did)=.*$")
"""Removed from addresses with what follows, so that a page shows its message once."""


def own_path(path: str) -> str:
    """The path a form came from, if it is one of our pages; else the list (U7: no open redirect)."""
    return _DONE_PARAMETER.sub("", path) if _OWN_PATH.fullmatch(path) else "/"


def checked_id(number: int) -> int:
    if number >= ID_LIMIT:
        raise HTTPException(404, "There is nothing with that number.")
    return number
