"""The domain that its owner registered: `bbc.co.uk` of `feeds.news.bbc.co.uk`. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from monitor.text import urls

_PLAIN_HOST = re.compile(r"https?://([a-z0-9.-]+)(?:[/?#]|\Z)")
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")


def of_url(url: str) -> str:
    """The registered domain of a URL's host; '' where that is a number, a bare name such as `localhost`, or missing."""
    found = _PLAIN_HOST.match(url)  # nearly all: parsing one in full costs ten times as much
    return of_host(found[1] if found else urls.host(url))


@lru_cache(maxsize=4_096)
def of_host(host: str) -> str:
    """The registered domain of a host, by the public suffix list: `co.uk` and `blogspot.com` belong to many."""
    host = host.lower().strip(".")
    if "." not in host or _ADDRESS.fullmatch(host):
        return ""
    from tld import get_fld  # 80 ms of processor at the first use, which commands that show no story need not spend

    found = get_fld(f"https://{host}", fail_silently=True)
    return found or ".".join(host.split(".")[-2:])  # an ending that the list does not know, as a house's own
