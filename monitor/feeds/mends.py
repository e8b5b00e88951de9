"""What to do about a feed that cannot be read, in a sentence for each kind of fault. Pure."""

from __future__ import annotations

from monitor.types.errors import FetchError, MonitorError, ParseError

_MENDS = {
    "401": "it wants a login, which the monitor does not have: ask the publisher for a public feed",
    "403": "set fetch.contact so that the publisher sees who asks, or ask it to let the monitor in",
    "404": "look for the feed again, by the address of the publisher's site",
    "410": "remove it, and look for another feed by the address of the publisher's site",
    "429": "nothing to do: it is asked more rarely; a longer interval helps if it stays so",
    "503": "nothing to do: it is asked again later",
    "timeout": "nothing to do if it is rare; else raise fetch.total_seconds, or ask the publisher",
    "too large": "raise fetch.max_bytes if this feed is worth it",
    "dns": "check the spelling of the host; if it is right, this machine's name server may be down",
    "connect": "check host and port; a firewall of ours may keep the monitor from it",
    "tls": "the publisher has to mend its certificate; check that the clock of this machine is right",
    "refused": "a feed of one's own network needs fetch.allow_networks, allow_private = true, or `feeds add --allow-private`",
    "redirect": "open the address in a browser and take the one that it ends at",
    "protocol": "check the port: what answers there is no web server",
    "encoding": "the publisher's server is misconfigured: tell it, or look for another address of the feed",
    "resting": "nothing to do: the host asked to be left alone, and is asked again after that",
    "not a feed": "give this address to `monitor feeds add`, or to the page Feeds, which look for the feed on it",
    "broken": "tell the publisher; often the next issue of the feed is whole again",
    "quiet": "open the site: where it goes on, its feed may have moved: look for it by the site's address",
    "emptied": "open the feed in a browser: where it is empty there too, the publisher has given it up or moved it",
    "undated": "tell the publisher: without dates old articles cannot be told from new ones",
    "stuck": "nothing to do: it is asked in full once a day; the publisher's server is misconfigured",
    "too costly": "raise workers.limit_seconds or workers.memory_mb if this feed is worth it",
}

_SAY_A_MEND = ("dns", "refused")
"""Codes of errors that say a mend themselves, for feeds and channels alike: ours takes its place."""


def mend(code: str) -> str:
    """What to do about a fault with this code (of a FetchError or ParseError) or silence; '' where nothing is known."""
    if code in _MENDS:
        return _MENDS[code]
    if code.isdigit() and code.startswith("5"):
        return "nothing to do if it passes: the publisher's server has a fault, and is asked again"
    return "open the address in a browser to see what it answers" if code.isdigit() else ""


def sentence(error: MonitorError) -> str:
    """What is wrong and its mend, in one line. Of addresses it may hold more than the host: not to be shown of secret feeds."""
    code = error.code if isinstance(error, FetchError | ParseError) else ""
    says, what = str(error), mend(code)
    fault = says.partition(";")[0] if code in _SAY_A_MEND else says
    return f"{fault}; {what}" if what else says
