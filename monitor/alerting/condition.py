"""What is wrong with the service at this moment. Pure: `problems` gets what the store, the disk and the nodes show, and the time.

`doctor`, `status`, the status page, /healthz and the notices to the operator all say what is found here, and nothing else, so
that none of them says that all is well while another says that it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from monitor.alerting.silence_notices import describe
from monitor.store.channels import ChannelReport, RecipientReport
from monitor.store.feeds.watches import WatchedFeed
from monitor.store.nodes import NodeReport
from monitor.text.tokens import some_of
from monitor.types.condition import Code, Problem, failure, warning, worst_first
from monitor.types.plans import ADDED, PAUSED

SILENT_AFTER = timedelta(seconds=60)
"""A node beats every 15 seconds; one whose last beat is older than this counts as dead."""
LATE_AFTER = timedelta(minutes=5)
"""A feed that has been due for longer is late. Polls are spread over minutes where hundreds are due at once."""
_MUCH_LATE_AFTER = timedelta(hours=1)
_LATE_SHARE = 0.1
"""Fewer than this share of all feeds, late by less than `_MUCH_LATE_AFTER`, are a crowd on one server and no outage."""
_MANY_FEEDS = 3
"""From so many feeds on that fail together the fault is likely on our side."""
LOW_SPACE, NO_SPACE = 500_000_000, 9_000_000
"""Bytes. The lower limit is a little more than the space that was set aside and is given back on a full disk."""
_some = partial(some_of, separator="; ")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """What is known of the service at one moment."""

    nodes: Sequence[NodeReport] = ()
    due_times: Sequence[datetime] = ()
    """When each feed that is to be polled is or was due."""
    failing_feeds: int = 0
    """How many of these feeds failed when they were last polled."""
    last_polled_at: datetime | None = None
    channels: Sequence[ChannelReport] = ()
    waiting_since: Mapping[str, datetime] = field(default_factory=dict)
    """Channel -> when the oldest delivery that waits to be sent was due, or will be."""
    silent_feeds: Sequence[WatchedFeed] = ()
    """Feeds that answer and bring nothing, or nothing that can be used as it should be."""
    recipients: Sequence[RecipientReport] = ()
    topics: int = 0
    is_in_use: bool | None = None
    """Whether a process holds the lock of the store; None where there is none (PostgreSQL), or it cannot be told."""
    free_bytes: int | None = None
    """None where there is no disk of ours (PostgreSQL)."""
    is_disk_full: bool = False
    """Whether the store has just refused to write for want of space."""
    settings_in_force: str = ""
    """The digest of the settings that the store was told to follow; '' where nobody knows: the oldest living node's then count."""


def problems(state: ServiceState, *, now: datetime, speed: float = 1.0) -> tuple[Problem, ...]:
    """Everything that is wrong, the worst first. `speed`: how many seconds of `now`'s clock pass in a real one."""
    living = alive(state, now=now, speed=speed)
    found = chain(
        _daemon_problems(state, living, now, speed),
        _late_feeds(state.due_times, living, now, speed),
        _failing_feeds(state),
        disk_problems(state.free_bytes, is_full=state.is_disk_full),
        _silent_feeds(state.silent_feeds),
        _topic_problems(state),
        _channel_problems(state.channels),
        _waiting_alerts(state, living, now, speed),
        _absent_files(state.channels, living),
        _recipient_problems(state.recipients, state.channels),
        _settings_problems(living, state.settings_in_force),
    )
    return worst_first(found)


# --- is anybody there? ------------------------------------------------------------------------------------------------


def alive(state: ServiceState, *, now: datetime, speed: float = 1.0) -> tuple[NodeReport, ...]:
    """The nodes that run. A sign of life from the far future was written under a wrong clock and proves nothing (D8), and one of a
    moment ago proves nothing where nobody holds the lock that every daemon on SQLite holds: it was killed."""
    if state.is_in_use is False:
        return ()
    limit_for = SILENT_AFTER * speed
    return tuple(each for each in state.nodes if each.stopped_at is None and abs(now - each.heartbeat_at) <= limit_for)


def _daemon_problems(
    state: ServiceState, living: Sequence[NodeReport], now: datetime, speed: float
) -> Iterator[Problem]:
    if any(each.is_polling for each in living):
        yield from _silent_nodes(state.nodes, living, now)
    elif _is_polled_by_hand(state, now, speed):
        yield warning(
            Code.POLLED_BY_HAND,
            "daemon",
            f"no daemon is running; feeds were last polled by a command, at {_moment(state.last_polled_at)}",
            "`monitor run` starts one, unless you poll and deliver by your own schedule",
        )
    elif not state.nodes:
        yield failure(Code.NEVER_RAN, "daemon", "no daemon has run yet: nothing is polled", "`monitor run` starts it")
    else:
        yield _no_node(state.nodes, now)


def _is_polled_by_hand(state: ServiceState, now: datetime, speed: float) -> bool:
    """Whether somebody polls without a daemon, and in time. A poll just after the last beat was still the daemon's own."""
    last_sign_at = max((each.heartbeat_at for each in state.nodes), default=None)
    polled_at = state.last_polled_at
    is_own = last_sign_at is not None and polled_at is not None and polled_at <= last_sign_at + SILENT_AFTER * speed
    return polled_at is not None and not is_own and not _late(state.due_times, (), now, speed)


def _no_node(nodes: Sequence[NodeReport], now: datetime) -> Problem:
    last = max(nodes, key=lambda each: each.heartbeat_at)
    if last.stopped_at:
        says = f"no daemon is running: it was stopped at {_moment(last.stopped_at)}, {_ago(last.stopped_at, now)}"
    else:
        says = (
            f"no daemon is running: its last sign of life was at {_moment(last.heartbeat_at)}, "
            f"{_ago(last.heartbeat_at, now)}"
        )
    mend = "`monitor run` starts it; where it ended by itself, its log says why"
    return failure(Code.NO_NODE, "daemon", f"{says}; nothing is polled or sent", mend)


def _silent_nodes(nodes: Sequence[NodeReport], living: Sequence[NodeReport], now: datetime) -> Iterator[Problem]:
    for node in nodes:
        if node in living or node.stopped_at is not None or _is_replaced(node, living):
            continue
        if node.heartbeat_at > now:
            ahead = f"{(node.heartbeat_at - now).total_seconds() / 60:.0f} minutes"
            yield warning(
                Code.NODE_SILENT,
                "daemon",
                f"the clock of the node {node.name} is {ahead} ahead of this one's: times that it stored come too late here",
                "let the clocks of all nodes be set by NTP, and start the one that was wrong again",
                public="the clocks of the nodes differ",
            )
        else:
            yield warning(
                Code.NODE_SILENT,
                "daemon",
                f"the node {node.name} has given no sign of life since {_moment(node.heartbeat_at)}; others go on",
                "look at its log and start it again; it is forgotten after a day",
                public="one of several nodes has given no sign of life for a while",
            )


def _is_replaced(node: NodeReport, living: Sequence[NodeReport]) -> bool:
    """Whether a daemon was started on the same host since: after a kill it has another process number, and so another name."""
    return any(each.host == node.host and each.started_at >= node.heartbeat_at for each in living)


def _settings_problems(living: Sequence[NodeReport], in_force: str) -> Iterator[Problem]:
    known = sorted((each for each in living if each.settings_digest), key=lambda each: each.started_at)
    reference = in_force or (known[0].settings_digest if known else "")
    others = [each.name for each in known if each.settings_digest != reference]
    if others:
        whose = "those in force" if in_force else f"{known[0].name}, the oldest"
        yield warning(
            Code.OTHER_SETTINGS,
            "settings",
            f"other feeds, channels or topics than {whose}: {_some(others)}",
            "give all nodes one settings file and the same seeds",
            public="nodes have different settings",
        )


# --- is it done in time? ----------------------------------------------------------------------------------------------


def _late_feeds(
    due_times: Sequence[datetime], living: Sequence[NodeReport], now: datetime, speed: float
) -> Iterator[Problem]:
    late = _late(due_times, living, now, speed)
    if not late:
        return
    longest_for = now - min(late)
    is_crowd = len(late) < _LATE_SHARE * len(due_times) and longest_for < _MUCH_LATE_AFTER * speed
    verb = "is" if len(late) == 1 else "are"
    yield (warning if is_crowd else failure)(
        Code.LATE_FEEDS,
        "feeds",
        f"{len(late)} of {len(due_times)} feeds {verb} late, {'by' if len(late) == 1 else 'up to'} {_span(longest_for)}",
        "the log says what keeps them; a slow disk, a busy machine or a hanging server do"
        if living
        else "they are polled when a daemon runs again",
    )


def _late(due_times: Sequence[datetime], living: Sequence[NodeReport], now: datetime, speed: float) -> list[datetime]:
    """The due times of late feeds. A daemon that was just started needs its time too: it is not late with what waited for it."""
    started_at = min((each.started_at for each in living if each.is_polling), default=None)
    limit_at = now - LATE_AFTER * speed
    return [] if started_at and started_at > limit_at else [each for each in due_times if each < limit_at]


def _failing_feeds(state: ServiceState) -> Iterator[Problem]:
    """That some feeds fail is usual, and told one by one; where none answers, nothing can be found."""
    count = state.failing_feeds
    if not count or count < len(state.due_times):
        return
    is_alone = count < _MANY_FEEDS
    says = f"none of {count} feeds answers" if count > 1 else "the only feed does not answer"
    says_what = "`monitor feeds` says what comes back"
    mend = says_what if is_alone else f"see whether this machine is online; {says_what}"
    yield (warning if is_alone else failure)(Code.NO_FEED, "feeds", says, mend)


def _silent_feeds(silent: Sequence[WatchedFeed]) -> Iterator[Problem]:
    if silent:
        count = f"{len(silent)} feed{' is' if len(silent) == 1 else 's are'} silent"
        says = f"{count}: {_some([f'{each.name} ({describe(each.watch)})' for each in silent])}"
        mend = "look whether it has moved; `monitor feeds show NAME` says more"
        yield warning(Code.SILENT_FEEDS, "feeds", says, mend, public=count)


# --- does it have what it needs? --------------------------------------------------------------------------------------


def disk_problems(free: int | None, *, is_full: bool = False) -> Iterator[Problem]:
    """A disk that is full, or nearly."""
    left = "" if free is None else f" ({free / 1_000_000:.0f} MB free)"
    if is_full or (free is not None and free < NO_SPACE):
        says = f"the disk of the store is full{left}: polling has stopped, alerts already queued go out"
        yield failure(Code.DISK_FULL, "disk", says, "free some space; it goes on by itself")
    elif free is not None and free < LOW_SPACE:
        says = f"the disk of the store is nearly full{left}"
        yield warning(Code.DISK_LOW, "disk", says, "free some space: polling stops when it is full")


def _topic_problems(state: ServiceState) -> Iterator[Problem]:
    has_begun = bool(state.nodes) or state.last_polled_at is not None
    if has_begun and not state.topics:
        mend = "put an article into a folder of its own in the seeds folder; `monitor topics check` says what is wrong there"
        yield failure(Code.NO_TOPICS, "topics", "there is no topic: articles are stored, and none can match", mend)


def _channel_problems(reports: Sequence[ChannelReport]) -> Iterator[Problem]:
    channels = [each for each in reports if each.is_configured]
    disabled = [_disabled(each) for each in channels if each.disabled_reason]
    failing = [each for each in channels if each.failures and not each.disabled_reason]
    lasting = [_failing(each) for each in failing if each.is_failing_told]
    if channels and len(disabled) + len(lasting) == len(channels):
        yield _no_channel(disabled, lasting)
        return
    if disabled:
        says = f"disabled: {_some(disabled)}"
        yield warning(Code.CHANNEL_DISABLED, "channels", says, _MEND_CHANNEL, public="a channel is disabled")
    if failing:
        says = f"failing: {_some([_failing(each) for each in failing])}"
        mend = "nothing is lost, it is tried again; `monitor alerts list` shows more"
        yield warning(Code.CHANNEL_FAILING, "channels", says, mend, public="a channel is failing")


def _waiting_alerts(
    state: ServiceState, living: Sequence[NodeReport], now: datetime, speed: float
) -> Iterator[Problem]:
    """Alerts of a sound channel that nobody sends, though a daemon runs: no running daemon's settings have its address."""
    limit_at = now - LATE_AFTER * speed
    senders = [each for each in living if each.is_delivering]
    if not senders or min(each.started_at for each in senders) > limit_at:
        return
    waiting = [each for each in state.channels if _is_left_alone(each, state.waiting_since.get(each.name), limit_at)]
    if waiting:
        oldest = min(state.waiting_since[each.name] for each in waiting)
        yield warning(
            Code.ALERTS_WAITING,
            "channels",
            f"alerts wait, the oldest for {_span(now - oldest)}, as no running daemon has the address in force of "
            f"{_some([each.name for each in waiting])}",
            "a daemon reads its settings file when it starts: start one again whose file has the channel as it is now",
            public="alerts of a channel wait",
        )


def without_file(channel: ChannelReport, living: Sequence[NodeReport]) -> tuple[str, ...]:
    """The running nodes that send, and have not the file of this channel, which was added by command or page; or have an old
    one."""
    if not channel.is_configured or channel.origin != ADDED:
        return ()
    senders = (each for each in living if each.is_delivering)
    return tuple(each.name for each in senders if not each.can_send_to(channel.name, channel.destination))


def _absent_files(channels: Sequence[ChannelReport], living: Sequence[NodeReport]) -> Iterator[Problem]:
    for channel in channels:
        if names := without_file(channel, living):
            yield warning(
                Code.CHANNEL_FILE,
                "channels",
                f"{_some(names)} cannot send by channel {channel.name}: its file, as it is now, is not there",
                f"copy channels/{channel.name}.json, which lies beside the settings file of the node it was saved on, to the same "
                "place there; or save the channel again on the page of that node",
                public="a node cannot send by one of the channels",
            )


def _is_left_alone(channel: ChannelReport, due_at: datetime | None, limit_at: datetime) -> bool:
    """Whether alerts of a channel that could be used have been due for long, and none was sent lately: it is no backlog."""
    is_usable = (
        channel.is_configured and channel.by_hand != PAUSED and not (channel.disabled_reason or channel.failures)
    )
    is_resting = channel.paused_until_at is not None or (channel.last_sent_at or limit_at) > limit_at
    return is_usable and not is_resting and due_at is not None and due_at < limit_at


_MEND_CHANNEL = "correct it in the settings and restart, or `monitor alerts retry`"


def _no_channel(disabled: Sequence[str], failing: Sequence[str]) -> Problem:
    if not failing:
        says = f"nobody is told of anything, every channel is disabled: {_some(disabled)}"
        return failure(
            Code.NO_CHANNEL, "channels", says, _MEND_CHANNEL, public="no channel is left that could tell anybody"
        )
    parts = [*([f"disabled: {_some(disabled)}"] if disabled else ()), f"failing: {_some(failing)}"]
    says = f"nobody is told of anything, no channel works: {'; '.join(parts)}"
    mend = f"`monitor alerts list` shows what they answer; {_MEND_CHANNEL}"
    return failure(Code.NO_CHANNEL, "channels", says, mend, public="no channel works that could tell anybody")


def _failing(channel: ChannelReport) -> str:
    since = f" since {_moment(channel.failing_since_at)}" if channel.failing_since_at else ""
    return f"{channel.name} ({channel.failures} failure{'' if channel.failures == 1 else 's'} in a row{since})"


def _recipient_problems(recipients: Sequence[RecipientReport], channels: Sequence[ChannelReport]) -> Iterator[Problem]:
    in_use = {each.name for each in channels if each.is_configured}
    told = [_recipient(each) for each in recipients if each.channel in in_use]
    if told:
        says = f"get no mail, while others of their channel do: {_some(told)}"
        mend = "correct their addresses in the settings, or take them out"
        public = "a recipient of a channel gets no mail"
        yield warning(Code.RECIPIENT, "recipients", says, mend, public=public)


def _recipient(each: RecipientReport) -> str:
    how = "refused" if each.is_refused else "put off"
    return f"{each.name} of {each.channel}, {how} since {_moment(each.since_at)}: {each.detail[:200]}"


def _disabled(channel: ChannelReport) -> str:
    return f"{channel.name} ({channel.disabled_reason})"


# --- words ------------------------------------------------------------------------------------------------------------


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "an unknown time"


def _ago(at: datetime, now: datetime) -> str:
    return f"{_span(now - at)} ago"


def _span(span_for: timedelta) -> str:
    seconds = max(0, round(span_for.total_seconds()))
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
