"""bench/kills.py kills the process at named functions: each must exist, or its point would test nothing."""

from __future__ import annotations

from functools import reduce
from importlib import import_module

import pytest

from bench.kills import POINTS, is_on_own_channel


@pytest.mark.parametrize("point", POINTS)
def test_a_point_at_which_the_process_is_killed_names_a_function(point: str) -> None:
    module, name = POINTS[point][0].split(":")
    assert callable(reduce(getattr, name.split("."), import_module(module)))


@pytest.mark.parametrize(
    ("key", "is_own"),
    [
        ("channel/hook/failing/2026-01-01T00:00:00+00:00", True),
        ("delivery/12/dead", True),
        ("feed/1/storm/2026-01-01T00:00:00+00:00", False),
        ("alt_5ca1ab1e", False),
    ],
)
def test_only_notices_on_the_receivers_own_channel_need_not_reach_it(key: str, is_own: bool) -> None:
    assert is_on_own_channel(key) is is_own
