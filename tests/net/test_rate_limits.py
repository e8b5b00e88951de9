"""What servers say of their rate limit, in the many ways in which they say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.net import rate_limits
from monitor.net.http import Headers

NOW = datetime(2021, 10, 20, 12, tzinfo=UTC)
IN_90 = NOW + timedelta(seconds=90)


def headers(**named: str) -> Headers:
    return Headers((name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items())


def seconds(**named: str) -> float | None:
    found = rate_limits.reset_after(headers(**named), now=NOW)
    return None if found is None else found.total_seconds()


@pytest.mark.parametrize(
    "value",
    [
        *("90", " 90 ", "90.0", "90;w=60", str(int(IN_90.timestamp())), str(int(IN_90.timestamp() * 1000))),
        *(format_datetime(IN_90, usegmt=True), IN_90.isoformat(), "2021-10-20T12:01:30Z"),
    ],
)
@pytest.mark.parametrize(
    "name", ["x_ratelimit_reset", "x_rate_limit_reset", "ratelimit_reset", "x_ratelimit_reset_after"]
)
def test_fault_feed_22_a_reset_is_read_as_seconds_and_as_a_moment(name: str, value: str) -> None:
    assert seconds(**{name: value}) == 90


@pytest.mark.parametrize(
    "value",
    [
        *("limit=100, remaining=0, reset=90", '"default";r=0;t=90', '"burst";r=5;t=7000, "day";r=0;t=90'),
        *('"a";r=0;t=20, "b";r=0;t=90', '"a";t=90', "reset=90"),
    ],
)
def test_fault_feed_22_the_drafts_header_is_read(value: str) -> None:
    assert seconds(ratelimit=value) == 90


def test_a_moment_is_relative_to_the_servers_own_clock() -> None:
    fast = NOW + timedelta(hours=3)
    assert seconds(date=format_datetime(fast, usegmt=True), x_ratelimit_reset=str(int(fast.timestamp()) + 90)) == 90


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "-5",
        "soon",
        "1970-01-01",
        "1634000000",
        "99999999999999999999",
        "nan",
        "1e9",
        "\u0663\u0664".encode().decode("latin-1"),
    ],
)
def test_fault_feed_22_nonsense_is_no_wait(value: str) -> None:
    assert seconds(x_ratelimit_reset=value) is None


@given(value=st.one_of(st.text(st.characters(codec="latin-1"), max_size=30), st.integers(0, 10**17).map(str)))
def test_fault_feed_22_whatever_is_said_the_wait_is_bounded(value: str) -> None:
    for name in ("x_ratelimit_reset", "ratelimit"):
        found = seconds(**{name: value})
        assert found is None or 0 < found <= 86400


@pytest.mark.parametrize(("value", "is_used_up"), [("0", True), ("0.0", True), ("1", False), ("", False), ("x", False)])
def test_a_limit_is_used_up_at_none_left(value: str, *, is_used_up: bool) -> None:
    assert rate_limits.is_used_up(headers(x_ratelimit_remaining=value)) is is_used_up
