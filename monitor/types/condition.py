"""The problems of the service, as `doctor`, `status`, the status page and /healthz say them. Pure.

What makes a problem is decided in `alerting.condition`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Code(StrEnum):
    """What a problem is called for programs. These words do not change."""

    NEVER_RAN = "never_ran"
    NO_NODE = "no_node"
    POLLED_BY_HAND = "polled_by_hand"
    NODE_SILENT = "node_silent"
    OTHER_SETTINGS = "other_settings"
    LATE_FEEDS = "late_feeds"
    NO_FEED = "no_feed"
    DISK_FULL = "disk_full"
    DISK_LOW = "disk_low"
    NO_CHANNEL = "no_channel"
    CHANNEL_DISABLED = "channel_disabled"
    CHANNEL_FAILING = "channel_failing"
    ALERTS_WAITING = "alerts_waiting"
    CHANNEL_FILE = "channel_file"
    RECIPIENT = "recipient"
    NO_TOPICS = "no_topics"
    SEEDS = "seeds"
    SILENT_FEEDS = "silent_feeds"
    STORE = "store"
    STORE_GONE = "store_gone"
    WORKERS = "workers"
    PART_SILENT = "part_silent"
    STALE = "stale"


class Severity(StrEnum):
    """How bad a problem is: `fail` where the service does not do what it is for, else `warn`."""

    WARN = "warn"
    FAIL = "fail"


_OUTAGES = frozenset(
    {
        Code.NEVER_RAN,
        Code.NO_NODE,
        Code.LATE_FEEDS,
        Code.DISK_FULL,
        Code.STORE,
        Code.STORE_GONE,
        Code.WORKERS,
        Code.PART_SILENT,
        Code.STALE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong, in one sentence for people, with its mend."""

    code: Code
    about: str
    """What it is about: `daemon`, `feeds`, `disk`, `channels`, `recipients`, `topics`, `settings`, `store`."""
    severity: Severity
    says: str
    """For the operator; may contain names of channels and hosts, but no addresses and secrets."""
    mend: str = ""
    public: str = ""
    """The sentence for anybody who asks /healthz (U21), where `says` is not for everybody."""

    @property
    def is_outage(self) -> bool:
        """Whether nothing, or not enough, is polled because of it: /healthz then answers 503."""
        return self.severity is Severity.FAIL and self.code in _OUTAGES


def worst_first(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems with those that fail in front, otherwise in their order."""
    return tuple(sorted(found, key=lambda each: each.severity is Severity.WARN))


def in_brief(found: Sequence[Problem]) -> str:
    """How many problems of each severity there are: `1 failure, 2 warnings`; '' for none."""
    counts = Counter(each.severity for each in found)
    names = {Severity.FAIL: "failure", Severity.WARN: "warning"}
    parts = [f"{counts[each]} {name}{'' if counts[each] == 1 else 's'}" for each, name in names.items() if counts[each]]
    return ", ".join(parts)


def warning(code: Code, about: str, says: str, mend: str, *, public: str = "") -> Problem:
    """A problem beside which the service does what it is for."""
    return Problem(code=code, about=about, severity=Severity.WARN, says=says, mend=mend, public=public or says)


def failure(code: Code, about: str, says: str, mend: str, *, public: str = "") -> Problem:
    """A problem by which the service does not do what it is for."""
    return Problem(code=code, about=about, severity=Severity.FAIL, says=says, mend=mend, public=public or says)


# --- those that no state of the store shows ---------------------------------------------------------------------------


def store_problem(says: str, mend: str = "", *, public: str = "the store cannot be used at the moment") -> Problem:
    """The store itself cannot be used."""
    return failure(Code.STORE, "store", says, mend, public=public)


def store_gone(shown: str) -> Problem:
    """The file that this process has open is no longer at its place: what is stored is lost when the process ends."""
    says = f"the file of the store {shown} was deleted, moved or replaced meanwhile: what is stored is lost when the monitor ends"
    mend = "stop the monitor, put the right file in place and remove its -wal and -shm files, then start it (docs/operation.md)"
    return failure(Code.STORE_GONE, "store", says, mend, public="the file of the store was deleted, moved or replaced")


def no_workers(says: str) -> Problem:
    """No document can be read, as no process that reads them starts."""
    mend = "the log says why; is there enough memory, and is workers.memory_mb below the limits of this machine?"
    return failure(Code.WORKERS, "workers", says, mend, public="no feed can be read at the moment")


def silent_part(says: str) -> Problem:
    """A part of the daemon that works regularly has stopped."""
    return failure(Code.PART_SILENT, "daemon", says, "it is started again by itself; the log says what happened")


def stale_answer(age_for: timedelta | None) -> Problem:
    """Nobody has looked at the service for `age_for`, so that what was found then may be wrong; None: never yet."""
    how = "yet" if age_for is None else f"for {age_for.total_seconds():.0f} s"
    says = f"the state of the service was not looked at {how}"
    return failure(Code.STALE, "daemon", says, "the log says what hangs: the store or its disk")
