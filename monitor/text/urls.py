"""URLs as text: parse, check, resolve, canonicalise and mask them. Pure.

All checks and requests use one parser, `split`: two parsers that disagree on where the host ends would let a crafted URL pass
the check and reach another host (GHSA-rph4, case R2). Errors name the fault and the mend, never the URL, which may be secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import idna

from monitor.text.tokens import tokens

LENGTH_LIMIT = 8192
_HOST_LIMIT = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HTTP_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Resolvers take a host whose last label is a number for an IPv4 address, in spellings from 127.1 to 0x7f000001.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Parts(NamedTuple):
    """The parts of an http(s) URL; `host` is ASCII and lower case, IPv6 without brackets, `port` is always set."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None
    fragment: str | None

    @property
    def authority(self) -> str:
        """The `Host` header: host and, unless it is the scheme's default, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Path and query, as in a request line."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def __str__(self) -> str:
        tail = "" if self.fragment is None else f"#{self.fragment}"
        return f"{self.scheme}://{self.authority}{self.target}{tail}"


def split(url: str) -> Parts:
    """The normalised parts of an absolute http(s) URL. Raises ValueError, with fault and mend, for anything else."""
    url = url.strip(" \t\r\n\f")
    _check_characters(url)
    found = _HTTP_URL.fullmatch(url)
    if found is None:
        raise ValueError(_scheme_fault(url))
    scheme, authority, path, query, fragment = found.groups()
    if not path and "@" in f"{query or ''}{fragment or ''}":
        raise ValueError("the URL hides an '@' right behind its host; write a '/' after the host")
    host, port = _host_and_port(authority, _DEFAULT_PORTS[scheme.lower()])
    quoted = (None if each is None else _quote(each) for each in (query, fragment))
    return Parts(scheme.lower(), host, port, _remove_dot_segments(_quote(path)) or "/", *quoted)


def check(url: str) -> str:
    """The URL as it is requested (absolute, http or https, no fragment). Raises ValueError with fault and mend."""
    return str(split(url)._replace(fragment=None))


def resolve(base: str, link: str) -> str:
    """A link in a document at `base`, as an absolute URL; '' where it is no valid http(s) URL."""
    link = link.strip(" \t\r\n\f")
    try:
        return str(split(link if _SCHEME.match(link) else _join(split(base), link)))
    except ValueError:
        return ""


def host(url: str) -> str:
    """The host of a URL, '' where it has none."""
    try:
        return split(url).host
    except ValueError:
        return ""


def is_same_server(url: str, other: str) -> bool:
    """Whether both addresses are of one host and port; http and https on their own ports count as one."""
    try:
        a, b = split(url), split(other)
    except ValueError:
        return False
    usual = {*_DEFAULT_PORTS.values()}
    return a.host == b.host and (a.port == b.port or {a.port, b.port} <= usual)


def masked(url: str) -> str:
    """Scheme and host only, for logs and pages: a webhook's path and query are its secret. Never raises."""
    try:
        parts = split(url)
    except ValueError:
        return "(not a web address)"
    return f"{parts.scheme}://{parts.authority}/…"


# --- parsing ----------------------------------------------------------------------------------------------------------


def _check_characters(url: str) -> None:
    if not url:
        raise ValueError("the URL is empty; write one such as https://example.org/feed")
    if len(url) > LENGTH_LIMIT:
        raise ValueError(f"the URL is longer than {LENGTH_LIMIT} characters; shorten it")
    if "\\" in url:
        raise ValueError("the URL holds a backslash; write '/' or, inside a query, %5C")
    if _CONTROL.search(url):
        raise ValueError("the URL holds a line break, tab or other control character; remove it")


def _scheme_fault(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme is None or "." in scheme[1]:
        return "the URL lacks its scheme; write https:// in front"
    if scheme[1].lower() in _DEFAULT_PORTS:
        return "the URL lacks the two slashes and a host; write https://host/path"
    return f"the scheme '{scheme[1][:20]}:' is not one we read; write an http:// or https:// URL"


@lru_cache(maxsize=1_024)
def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    if "@" in authority:
        raise ValueError("the URL holds a user name or password before its host; remove the part up to the '@'")
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise ValueError("the URL's host or port is malformed; write host or host:port")
    port = int(found[2]) if found[2] else default
    if not 0 < port < 65536:
        raise ValueError(f"there is no port {port}; write one from 1 to 65535")
    return (_ipv6(found[1]) if found[1].startswith("[") else _name(found[1])), port


def _ipv6(bracketed: str) -> str:
    try:
        if "%" in bracketed:  # a zone names an interface of this machine (fe80::1%lo)
            raise ValueError
        return str(ipaddress.IPv6Address(bracketed[1:-1]))
    except ValueError:
        raise ValueError("the URL's IPv6 address is malformed; write it as [2001:db8::1]") from None


def _name(written: str) -> str:
    name = _ascii(written).removesuffix(".")
    if not name:
        raise ValueError("the URL has no host; write https://host/path")
    if _NUMERIC.fullmatch(name):
        return _ipv4(name)
    if len(name) > _HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("the URL's host is not a valid name; check its spelling")
    return name


def _ascii(written: str) -> str:
    if written.isascii():
        return written.lower()
    try:  # bounded first: 200 KB of punycode cost 1.6 s (case X7)
        return idna.encode(written[: _HOST_LIMIT + 1], uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError("the URL's international host name is not a valid one; check its spelling") from None


def _ipv4(name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        raise ValueError("the URL's host is a number; write an address as four decimal numbers") from None


_UNSAFE = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9%\-._~:/?#\[\]@!$&'()*+,;=|]")


def _quote(part: str) -> str:
    """Percent-encode what a request line cannot carry; existing escapes are kept."""
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), part)


def _remove_dot_segments(path: str) -> str:
    """RFC 3986 section 5.2.4: `/a/../b` becomes `/b`; the root has no parent."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[max(1, len(kept) - 1) :]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept) + ("/" if segments[-1] in (".", "..") else "")


def _join(base: Parts, link: str) -> str:
    """RFC 3986 section 5.2.2, for links without a scheme."""
    origin = f"{base.scheme}://{base.authority}"
    if link.startswith("//"):
        return f"{base.scheme}:{link}"
    if link.startswith("/"):
        return origin + link
    if link.startswith("?"):
        return f"{origin}{base.path}{link}"
    if link.startswith("#") or not link:
        return f"{origin}{base.target}{link}"
    return f"{origin}{base.path.rpartition('/')[0]}/{link}"


# --- identity ---------------------------------------------------------------------------------------------------------

_DIGITS = re.compile("[0-9]+")
_NUMBER = re.compile("[0-9]{4,}")
_SCRIPT = re.compile(r"\.(?:php\d?|aspx?|jsp|cgi|do)$", re.IGNORECASE)
_SUFFIX = re.compile(r"\.\w{2,5}$")

# Parameters that tell where a reader came from, not which page is shown.
_TRACKING = re.compile(
    r"utm_[^=]*|at_\w+|ns_\w+|pk_(?:campaign|kwd|keyword|source|medium|content|cid)|mtm_\w+|matomo_\w+|hsa_\w+|vero_\w+|wt[._]mc\w*|guce_\w+|fb_\w+|_hs\w+|"
    r"fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|ysclid|twclid|ttclid|igshid|igsh|li_fat_id|srsltid|"
    r"mc_cid|mc_eid|_ga|_gl|mkt_tok|oly_enc_id|oly_anon_id|cmpid|cmp|icid|intcid|int_cid|ito|ocid|smid|smtyp|"
    r"s_cid|xtor|wtrid|ref_src|ref_url|__twitter_impression|soc_src|soc_trk|guccounter|traffic_source|maca|emc|"
    r"feedtype|feedname|ftag|spm|echobox|dicbo",
    re.IGNORECASE,
)
# Parameters that identify a page on some sites, but not with these values.
_TRACKING_VALUES = re.compile(
    r"(?:ref|source|src|from|via|partner|origin|cid|rss)="
    r"(?:|1|rss\w*|feed|atom|twitter|facebook|telegram|whatsapp|email|newsletter|share)|"
    r"(?:amp|output|outputtype)=(?:|1|true|amp)",
    re.IGNORECASE,
)
_HOST_PREFIX = re.compile(r"(?:www\d?|m|mobile|amp)\.(?=[^.]+\.)")
_SITE_PREFIX = re.compile(r"(?:www\d?|m|mobile|amp|edition|feeds?|rss)\.(?=[^.]+\.)")
_AMP_TAIL = re.compile(r"(?<=[^/])(?:/amp/*)+$|\.amp(?=\.html?$)|(?<=[^/])\.amp$", re.IGNORECASE)
_AMP_CACHE = re.compile(r"(?:www\.)?google\.[a-z.]+/amp/(?:s/)?(.+)|[a-z0-9-]+\.cdn\.ampproject\.org/[a-z]/(?:s/)?(.+)")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def canonical(url: str) -> str:
    """One URL for all spellings of a page's URL, for comparison, not to be fetched; '' where it is no http(s) URL.

    The scheme becomes https; `www.`/`m.`/`amp.`, tracking parameters, trailing slash and AMP are dropped, parameters sorted. Kept
    is what may distinguish pages: other parameters, letter case of the path, `#!` and `#/` routes. Idempotent.
    """
    try:
        return _until_stable(_canonicalize, url)
    except ValueError:
        return ""


def feed_key(url: str) -> str:
    """One key for the spellings of a feed's address, for comparison: http or https, with or without a final slash. What `canonical`
    drops stays, as parameters may tell feeds apart. '' where it is no http(s) URL.
    """
    try:
        parts = split(url)
    except ValueError:
        return ""
    port = "" if parts.port in _DEFAULT_PORTS.values() else f":{parts.port}"
    return f"{parts.host}{port}{_ESCAPE.sub(_normalized_escape, parts.target)}".rstrip("/")


def site(url: str) -> str:
    """A site's domain: the host without `www.`, `m.`, `edition.`, `feeds.` and the like; '' where there is none."""
    return _strip_prefix(host(url), _SITE_PREFIX)


def looks_like_article(url: str) -> bool:
    """Whether a URL looks like an article's: it has a query, or a last segment with a number or several words."""
    try:
        parts = split(url)
    except ValueError:
        return False
    last = _last_segment(parts.path)
    return bool(parts.query) or bool(_DIGITS.search(last)) or last.count("-") + last.count("_") >= 2 or len(last) > 30


def trusted_canonical(link: str, page: str, requested_url: str, title: str) -> str:
    """A page's rel=canonical `link`, resolved against its URL `page`; '' where it cannot be trusted.

    Sites give their home page, a section, one script for all articles, or pages that name each other in a circle. Trusted is
    an article's URL on the same site that shares the last segment or number of `requested_url`, or contains words of `title`.
    """
    target = resolve(page, link).partition("#")[0]
    if not target or not looks_like_article(target) or not _is_one_site(target, requested_url):
        return ""
    requested, declared = split(requested_url), split(target)
    own, slug = _last_segment(requested.path), _last_segment(declared.path)
    if own == slug and not (_SCRIPT.search(slug) and not declared.query):
        return target if {*(declared.query or "").split("&")} <= {"", *(requested.query or "").split("&")} else ""
    own_numbers, numbers = {*_NUMBER.findall(requested.target)}, {*_NUMBER.findall(f"{slug} {declared.query}")}
    if numbers:
        return target if numbers <= own_numbers or (not own_numbers and _matches_title(slug, title)) else ""
    return target if _matches_title(slug, title) and not {*_DIGITS.findall(own)} - {*_DIGITS.findall(slug)} else ""


def _last_segment(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _is_one_site(one: str, other: str) -> bool:
    a, b = site(one), site(other)
    ports = {split(one).port, split(other).port}
    is_one_port = len(ports) == 1 or ports <= {*_DEFAULT_PORTS.values()}
    return is_one_port and bool(a and b) and (a == b or a.endswith(f".{b}") or b.endswith(f".{a}"))


def _matches_title(slug: str, title: str) -> bool:
    """Whether a slug has at least three words and most of them occur in the title."""
    words = [each for each in tokens(_SUFFIX.sub("", slug).replace("-", " ").replace("_", " ")) if not each.isdigit()]
    known = set(tokens(title))
    return len(words) >= 3 and sum(each in known for each in words) >= 0.6 * len(words)


def _until_stable(step: Callable[[str], str], text: str) -> str:
    """Apply `step` until nothing changes. It ends, as each change shortens or sorts."""
    while (result := step(text)) != text:
        text = result
    return text


def _canonicalize(url: str) -> str:
    parts = split(url)
    cached = _AMP_CACHE.fullmatch(f"{parts.host}{parts.target}")
    if cached:
        return f"https://{cached[1] or cached[2]}"
    port = "" if parts.port in _DEFAULT_PORTS.values() else f":{parts.port}"
    name = _strip_prefix(parts.host, _HOST_PREFIX)
    authority = f"[{name}]" if ":" in name else name
    path, query, route = _canonical_path(parts.path), _canonical_query(parts.query), _route(parts.fragment)
    return f"https://{authority}{port}{path}{query}{route}"


def _strip_prefix(name: str, prefix: re.Pattern[str]) -> str:
    while name and not _NUMERIC.fullmatch(name) and (found := prefix.match(name)):
        name = name[found.end() :]
    return name


def _canonical_path(path: str) -> str:
    path = _remove_dot_segments(_ESCAPE.sub(_normalized_escape, path))
    return _AMP_TAIL.sub("", path.rstrip("/")).rstrip("/") or "/"


def _canonical_query(query: str | None) -> str:
    pairs = (_ESCAPE.sub(_normalized_escape, pair) for pair in (query or "").split("&"))
    kept = sorted(pair for pair in pairs if pair.strip("=") and not _is_tracking(pair))
    return "?" + "&".join(kept) if kept else ""


def _is_tracking(pair: str) -> bool:
    name, _, value = pair.partition("=")
    return bool(_TRACKING.fullmatch(name) or _TRACKING_VALUES.fullmatch(f"{name}={value}"))


def _route(fragment: str | None) -> str:
    """The fragment where scripts use it as a route; other fragments only name a place on the page."""
    return f"#{fragment}" if fragment and fragment[0] in "!/" and len(fragment) > 2 else ""


def _normalized_escape(escape: re.Match[str]) -> str:
    """RFC 3986 section 6.2.2: upper-case hex; unreserved characters are not escaped."""
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()
