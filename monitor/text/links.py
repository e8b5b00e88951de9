"""Links as feeds write them, repaired before `urls` judges them, and aggregators' links as those of the articles. Pure.

What browsers and other readers mend is mended here: line breaks and tabs inside, backslashes, missing or doubled schemes. The
result goes through `urls.split` like any other URL: what it refuses stays refused.
"""

from __future__ import annotations

import base64
import binascii
import html
import re

from monitor.text import urls

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WRAPPING = "\"'<>“”«»‹›`´ \u00a0\u3000"
_ANCHOR = re.compile(r"<a\b[^>]*?\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.I)
_MISTYPED = re.compile(r"(?:feed:(?:/{2}(?!/))?(?=https?:)|feed:(?=//)|h?h?t{1,3}ps?(?=:/{1,3}[^/]))", re.I)
"""`feed:https://`, `feed://` (the scheme that readers once registered) and letters of `http` that are missing or doubled."""
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_DOUBLE_SCHEME = re.compile(r"https?:?/{0,3}(?=https?:/)", re.I)
_SCHEME = re.compile(r"(https?)(?::/*|/{2,})(?=[^/])", re.I)
_ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")
_USER = re.compile(r"^[^/?#\\@]*@(?=[^/?#\\@]+(?:[/?#]|$))")
"""A user's name and password; the link works without them, and they are nobody else's business."""
_TWO_LINKS = re.compile(r"\s+(?=https?://)", re.I)
_HOST = re.compile(r"(?:[\w-]{1,63}\.)+([a-z]{2,24}|xn--[a-z0-9-]{2,50}|[^\W\d_a-z]{2,24})(?::\d{1,5})?", re.I)
# Endings of files that would pass for those of host names.
_FILES = frozenset(
    {
        "html",
        "htm",
        "xhtml",
        "shtml",
        "php",
        "phtml",
        "asp",
        "aspx",
        "jsp",
        "jspx",
        "cgi",
        "pl",
        "do",
        "cfm",
        "xml",
        "rss",
        "rdf",
    }
    | {
        "atom",
        "json",
        "txt",
        "md",
        "pdf",
        "doc",
        "docx",
        "jpg",
        "jpeg",
        "png",
        "gif",
        "webp",
        "svg",
        "mp3",
        "mp4",
        "m4a",
        "ogg",
    }
    | {"avi", "mov", "css", "js", "zip", "gz"}
)
_MEDIA = re.compile(
    r"\.(?:mp3|m4a|m4v|mp4|ogg|oga|ogv|opus|wav|aac|flac|webm|avi|mov|mkv|jpe?g|png|gif|webp|svg|pdf|zip)$", re.I
)

_REDIRECTORS = re.compile(
    r"(?:www\.)?google\.[a-z.]{2,6}/url|(?:www\.)?bing\.com/news/apiclick\.aspx|l\.facebook\.com/l\.php|t\.umblr\.com/redirect"
    r"|(?:www\.)?youtube\.com/redirect|out\.reddit\.com/.*|exit\.sc/|slack-redir\.net/link|news\.url\.google\.com/url"
    r"|(?:www\.)?inoreader\.com/.*|(?:www\.)?linkedin\.com/redir/redirect|vk\.com/away\.php|away\.vk\.com/away\.php|apiclick\.bing\.com/.*"
    r"|translate\.google\.[a-z.]{2,6}/(?:translate|website)|(?:www\.)?getpocket\.com/redirect|(?:www|news)\.yandex\.[a-z.]{2,6}/.*"
    r"|yandex\.[a-z.]{2,6}/.*|(?:[a-z0-9]+\.)?safelinks\.protection\.outlook\.com/|l\.instagram\.com/|lm\.facebook\.com/l\.php"
    r"|(?:www\.)?flipboard\.com/redirect|disq\.us/url",
    re.I,
)
_TARGET_NAMES = ("url", "u", "q", "to", "target", "dest")
# https://developers.google.com/amp/cache/overview and Google's viewer: `/s/` stands for https.
_AMP = re.compile(
    r"(?:[a-z0-9-]+\.)?cdn\.ampproject\.org/[cvi]/(s/)?((?:[\w-]+\.)+[a-z]{2,24}(?:/.*)?)"
    r"|(?:www\.)?google\.[a-z.]{2,6}/amp/(s/)?((?:[\w-]+\.)+[a-z]{2,24}(?:/.*)?)",
    re.I,
)
_YAHOO = re.compile(r"/RU=(https?(?::|%3a)[^/]+)/R[KSO]=", re.I)
_GOOGLE_NEWS = re.compile(r"/(?:rss/)?(?:articles|read)/([A-Za-z0-9_-]{10,2000})=*$")
_IN_TOKEN = re.compile(rb"https?://[\x21-\x7e]{4,2000}")


def absolute(base: str, link: str) -> str:
    """A feed's link, repaired, as an absolute URL; '' where it is no valid http(s) URL. `base` is what it is relative to."""
    found = urls.resolve(base, link)
    fixed = repaired(link, base)
    if not found or fixed != link.strip():
        found = urls.resolve(base, fixed) if fixed else ""
    return found


def repaired(link: str, base: str = "") -> str:
    """The link without what nobody meant; unchanged where nothing is wrong with it. `base` tells a host from a folder."""
    link = link[: 2 * urls.LENGTH_LIMIT].strip()
    if "<" in link and (anchor := _ANCHOR.search(link)):
        link = next(filter(None, anchor.groups()), "")
    if "&" in link:
        link = html.unescape(link) if "&amp;" in link else link
    link = _TWO_LINKS.split(_CONTROLS.sub(_without_controls, link).strip(_WRAPPING), maxsplit=1)[0]
    if link[:12].lower().startswith(("http%3a%2f", "https%3a%2f")):
        link = unquoted(link)
    if "\\" in link:
        link = _with_slashes(link)
    if _BRACKETS.get(link[:1], "\0") == link[-1:]:
        link = link[1:-1].strip()
    link = _MISTYPED.sub(_with_right_scheme, link, count=1) if _MISTYPED.match(link) else link
    while found := _DOUBLE_SCHEME.match(link):
        link = link[found.end() :]
    if found := _SCHEME.match(link):
        return f"{found[1].lower()}://{_USER.sub('', link[found.end() :])}"
    return _with_scheme(link, base)


def unwrapped(url: str) -> str:
    """The article's own URL where an aggregator's link holds it (Google News before 2024, Google Alerts, Bing, Yahoo); else `url`.

    Newer links of Google News hold only a number that Google's server knows.
    """
    try:
        parts = urls.split(url)
    except ValueError:
        return url
    place = f"{parts.host}{parts.path}"
    inner = ""
    if parts.host == "news.google.com":
        inner = _in_google_token(parts.path)
    elif found := _AMP.fullmatch(place):
        inner = f"http{'s' if found[1] or found[3] else ''}://{found[2] or found[4]}"
        inner += f"?{parts.query}" if parts.query else ""
    elif parts.host.endswith("search.yahoo.com") and (found := _YAHOO.search(parts.path)):
        inner = unquoted(found[1])
    elif _REDIRECTORS.fullmatch(place):
        pairs = (each.partition("=") for each in (parts.query or "").split("&"))
        given = {name: unquoted(value) for name, _, value in pairs}
        inner = next(
            (given[name] for name in _TARGET_NAMES if given.get(name, "").startswith(("http://", "https://"))), ""
        )
    return urls.resolve(url, inner) or url if inner else url


def is_media(url: str) -> bool:
    """Whether a URL names a file of sound, pictures or print, whose page nobody could read."""
    return bool(_MEDIA.search(url.partition("?")[0].partition("#")[0]))


def unquoted(text: str) -> str:
    """The text with percent-encoded letters written out."""
    return _ESCAPES.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace"), text)


def _with_right_scheme(found: re.Match[str]) -> str:
    written = found[0].lower()
    if written.startswith("feed:"):
        return "" if written != "feed:" or found.string[found.end() :].lower().startswith("http") else "https:"
    return "https" if written.endswith("s") else "http"


def _without_controls(found: re.Match[str]) -> str:
    return ""  # as browsers do (https://url.spec.whatwg.org/#url-parsing)


def _with_slashes(link: str) -> str:
    """Backslashes of the path as slashes. One before an @ is left, to be refused: it would hide the host (case R2)."""
    head, mark, tail = re.match(r"([^?#]*)([?#]?)(.*)", link, re.S).groups()  # type: ignore[union-attr]
    if "@" in head:
        return link
    return head.replace("\\", "/") + mark + tail.replace("\\", "%5C")


def _with_scheme(link: str, base: str) -> str:
    """`www.example.org/a` with its scheme; a folder or file of that shape is left as it is."""
    first = re.split(r"[/?#]", link, maxsplit=1)[0]
    host = _HOST.fullmatch(first)
    if not host or "@" in first:
        return link
    own = urls.site(base)
    is_own = bool(own) and urls.site(f"https://{first}") == own
    is_known = first.lower().startswith("www.") or is_own
    if is_known or (host[1].lower() not in _FILES and len(link) > len(first)):
        return f"https://{link}"
    return link


def _in_google_token(path: str) -> str:
    found = _GOOGLE_NEWS.search(path)
    if not found:
        return ""
    try:
        token = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
    except (binascii.Error, ValueError):
        return ""
    inner = _IN_TOKEN.search(token)
    if not inner:
        return ""
    # A length stands before each text of the token (protocol buffers); what follows is the address for phones.
    length = _length_before(token, inner.start())
    return inner[0][:length].decode("ascii")


def _length_before(token: bytes, start: int) -> int:
    """The length that is written before `start`, in one or two bytes of seven bits."""
    if start < 1:
        return len(token)
    if token[start - 1] < 0x80 and start >= 2 and token[start - 2] >= 0x80:
        return (token[start - 1] << 7) | (token[start - 2] & 0x7F)
    return token[start - 1]
