"""The settings, section by section: pydantic models that validate raw values (from TOML, the environment or a test).

Reads no file, environment or clock; `load` does. Every field is documented in docs/configuration.md (a test compares the two):
comments here only say what that page does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from monitor import __version__
from monitor.config.setting_kinds import (
    ChannelTable,
    DatabaseUrl,
    EmbedderName,
    FeedNames,
    FeedStart,
    HeaderLine,
    HostNames,
    HttpUrl,
    Language,
    Minutes,
    Name,
    Networks,
    PagePolicy,
    PublisherName,
    Utc,
    fault,
    http_url,
    is_loopback,
    is_this_machine,
    lower,
    within,
)
from monitor.text import urls
from monitor.types.fetching import FirstPoll


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, and errors that never quote the input, which may be secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class StoreSettings(Section):
    url: DatabaseUrl = Field(default="sqlite:///data/monitor.db", repr=False)

    @property
    def path(self) -> Path | None:
        """The SQLite file, relative to the working directory; None for PostgreSQL."""
        return Path(self.url.removeprefix("sqlite:///").partition("?")[0]) if self.url.startswith("sqlite:") else None


class NodeSettings(Section):
    name: Annotated[HeaderLine, Field(max_length=100)] = ""


class SeedsSettings(Section):
    dir: Path = Path("seeds")


class ScheduleSettings(Section):
    interval_minutes: Minutes = 15
    min_interval_minutes: Minutes = 5
    max_interval_minutes: Minutes = 1440
    tick_seconds: Annotated[float, within(0.01, 60, "a number of seconds")] = 1
    concurrency: Annotated[int, within(1, 1000, "a whole number of polls at once")] = 16
    per_host: Annotated[int, within(1, 100, "a whole number of requests at once")] = 2
    failing_after: Annotated[int, within(1, 1000, "a whole number of failures")] = 5
    max_age_days: Annotated[float, within(0.01, 36500, "a number of days")] = 7

    @field_validator("max_interval_minutes")
    @classmethod
    def _is_above_min(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("min_interval_minutes", 0):
            raise fault("must not be less than min_interval_minutes", "make the first larger or the second smaller")
        return value

    @property
    def interval_for(self) -> timedelta:
        return timedelta(minutes=self.interval_minutes)

    @property
    def min_interval_for(self) -> timedelta:
        return timedelta(minutes=self.min_interval_minutes)

    @property
    def max_interval_for(self) -> timedelta:
        return timedelta(minutes=self.max_interval_minutes)

    @property
    def tick_for(self) -> timedelta:
        return timedelta(seconds=self.tick_seconds)

    @property
    def max_age_for(self) -> timedelta:
        return timedelta(days=self.max_age_days)


class FetchSettings(Section):
    total_seconds: Annotated[float, within(0.1, 600, "a number of seconds")] = 30
    connect_seconds: Annotated[float, within(0.1, 120, "a number of seconds")] = 10
    max_bytes: Annotated[int, within(1_000, 1_000_000_000, "a whole number of bytes")] = 10_000_000
    allow_networks: Networks = ()
    contact: HeaderLine = ""
    # F26: one fixed, honest name, with the operator's contact.
    user_agent: HeaderLine = Field(default_factory=lambda data: _user_agent(data["contact"]))
    pages: PagePolicy = "near"
    pages_per_poll: Annotated[int, within(0, 50, "a whole number of pages")] = 5
    pages_per_day: Annotated[int, within(0, 100_000, "a whole number of pages")] = 100


def _user_agent(contact: str) -> str:
    return f"article-monitor/{__version__}" + (f" (+{contact})" if contact else "")


class WebSettings(Section):
    enabled: bool = True
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)] | None = None  # U8: hashing has a cost
    host: str = Field(default="127.0.0.1", min_length=1)
    port: Annotated[int, within(0, 65535, "a port number, such as 8000")] = 8000
    allowed_hosts: HostNames = ()
    trusted_proxies: Networks = ()
    public_url: Annotated[str, AfterValidator(lambda url: http_url(url).rstrip("/") if url else "")] = ""

    @field_validator("host")
    @classmethod
    def _has_password(cls, host: str, info: ValidationInfo) -> str:
        """U6. `password` must precede `host` in this class to be known here; a faulty one is reported by itself."""
        if info.data.get("enabled", True) and info.data.get("password", ...) is None and not is_loopback(host):
            mend = 'set web.password (or password_file), or write host = "127.0.0.1"'
            raise fault("can be reached from other machines and needs a password", mend)
        return host

    @property
    def base_url(self) -> str:
        """Base URL of links in alerts and messages, without a final slash."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def leads_nowhere(self) -> bool:
        """Whether links in alerts lead their readers to their own machines instead of to this one."""
        return self.enabled and is_this_machine(urls.host(self.public_url) if self.public_url else self.host)

    @property
    def accepted_hosts(self) -> tuple[str, ...]:
        """Host names accepted in requests (U6: DNS rebinding): our own, the public one and `allowed_hosts`."""
        own = ("localhost", "127.0.0.1", "::1", self.host.strip("[]"), urls.host(self.public_url))
        return tuple(
            dict.fromkeys(each for each in (*own, *self.allowed_hosts) if each and each not in ("0.0.0.0", "::"))
        )


class DeliverySettings(Section):
    concurrency: Annotated[int, within(1, 1000, "a whole number of deliveries at once")] = 8
    rate_per_second: Annotated[float, within(0.001, 1000, "a number of messages a second")] = 1
    # The Standard Webhooks delays add up to 75.6 hours before jitter: a limit of 75 would always cut the last try.
    max_age_hours: Annotated[float, within(0.01, 8760, "a number of hours")] = 96
    wait_seconds: Annotated[float, within(0, 86400, "a number of seconds")] = 30
    updates: Annotated[Literal["material", "never"], BeforeValidator(lower)] = "material"
    escalate_outlets: Annotated[int, within(0, 1000, "a whole number of outlets, 0 for never")] = 6
    escalate_pace: Annotated[float, within(0, 1000, "how many times the usual, 0 for never")] = 5
    allow_networks: Networks = ()

    @property
    def max_age_for(self) -> timedelta:
        return timedelta(hours=self.max_age_hours)

    @property
    def wait_for(self) -> timedelta:
        return timedelta(seconds=self.wait_seconds)


class StoriesSettings(Section):
    preferred_sources: FeedNames = ()


class WorkersSettings(Section):
    processes: Annotated[int, within(1, 64, "a whole number of processes")] = 1
    limit_seconds: Annotated[float, within(0.1, 600, "a number of seconds")] = 10
    memory_mb: Annotated[int, within(64, 65536, "a whole number of megabytes")] = 1024


class EmbeddingSettings(Section):
    allow_private: bool = False
    embedder: EmbedderName = Field(default="auto", repr=False)
    model: HeaderLine = ""
    api_key: Annotated[SecretStr, Field(min_length=1, max_length=4096)] | None = None
    prefix: Annotated[str, Field(max_length=200)] = ""
    threshold: Annotated[float, within(0.01, 0.99, "a cosine")] | None = None
    limit_seconds: Annotated[float, within(0.1, 60, "a number of seconds")] = 20
    articles_per_day: Annotated[int, within(0, 100_000_000, "a number of articles, 0 for all")] = 0

    @field_validator("embedder")
    @classmethod
    def _is_encrypted(cls, value: str, info: ValidationInfo) -> str:
        """Plain http would expose key and texts outside one's own network. `allow_private` must precede to be known here."""
        if value.startswith("http:http:") and not info.data.get("allow_private"):
            mend = "write https://, or allow_private = true for a server inside"
            raise fault("would send its key and the articles in plain text", mend)
        return value


class LogSettings(Section):
    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = "info"
    format: Annotated[Literal["text", "json"], BeforeValidator(lower)] = "text"


class ClockSettings(Section):
    """A scaled clock for the demo and for replays. With both start times set, a restarted process continues on it."""

    speed: Annotated[float, within(0.001, 1_000_000, "how many seconds pass in one")] = 1
    start_at: Utc | None = None
    real_start_at: Utc | None = None


class FeedSettings(Section):
    url: HttpUrl = Field(repr=False)  # may contain a token
    title: str | None = None
    publisher: PublisherName = ""
    language: Language | None = None
    interval_minutes: Minutes | None = None
    first_poll: FeedStart = "baseline"
    enabled: bool = True
    allow_private: bool = False
    pages: PagePolicy | None = None

    @property
    def interval_for(self) -> timedelta | None:
        """None: that of the schedule."""
        return None if self.interval_minutes is None else timedelta(minutes=self.interval_minutes)

    @property
    def first_poll_kind(self) -> FirstPoll:
        return FirstPoll(self.first_poll.split()[0])

    @property
    def first_poll_latest(self) -> int:
        """N of `latest N`: how many of the newest entries count as news at the first poll; otherwise 0."""
        return int(self.first_poll.split()[1]) if self.first_poll_kind is FirstPoll.LATEST else 0


class Settings(Section):
    """All settings. `Settings()` has the built-in defaults; `config.load` adds where each value came from."""

    store: StoreSettings = StoreSettings()
    node: NodeSettings = NodeSettings()
    seeds: SeedsSettings = SeedsSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    fetch: FetchSettings = FetchSettings()
    web: WebSettings = WebSettings()
    delivery: DeliverySettings = DeliverySettings()
    stories: StoriesSettings = StoriesSettings()
    workers: WorkersSettings = WorkersSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    log: LogSettings = LogSettings()
    feeds: dict[Name, FeedSettings] = {}
    # Raw and full of secrets: each kind of channel checks its own keys.
    channels: dict[Name, ChannelTable] = Field(default={}, repr=False)
    clock: ClockSettings = ClockSettings()

    @property
    def link_warning(self) -> tuple[str, str]:
        """What is wrong with the links that channels and pages give, and the mend; ('', '') where nothing is."""
        if self.channels and self.web.leads_nowhere:
            names = ", ".join(sorted(self.channels))
            return (
                f"links in the alerts of {names} lead to {self.web.base_url}, which opens on this machine only",
                'set web.public_url to the address under which its readers reach the page, such as "https://monitor.example.org"',
            )
        if path := urlsplit(self.web.public_url).path:
            return (
                f"web.public_url has a path, {path}, but the pages' own links begin at the root of the host",
                'give the page a host name of its own in the proxy, such as "https://monitor.example.org"',
            )
        return "", ""

    _origins: Mapping[tuple[str, ...], str] = PrivateAttr(default_factory=dict)
    _from_files: frozenset[tuple[str, ...]] = PrivateAttr(default=frozenset())
    _notes: tuple[str, ...] = PrivateAttr(default=())
    _file: str = PrivateAttr(default="")

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the operator that are no faults: a missing default file, an ignored variable."""
        return self._notes

    def origin(self, *path: str) -> str:
        """Where a value in force came from: `config/monitor.toml line 12`, `environment MONITOR_X` or `default`."""
        return self._origins.get(path, "default")

    @property
    def file(self) -> str:
        """The path of the settings file; '' where the settings were read from none."""
        return self._file

    def place(self, *path: str) -> str:
        """The place to show the operator: that of the value itself, else of the section it is missing from."""
        places = (self._origins.get(path[:end]) for end in range(len(path), 0, -1))
        return next((each for each in places if each), "default")

    def is_from_file(self, *path: str) -> bool:
        """Whether the value was read from a file of its own and so must not be shown."""
        return path in self._from_files
