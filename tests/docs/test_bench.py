"""bench/kills.py kills the process at named functions: each must exist, or its point would test nothing."""

from __future__ import annotations

from functools import reduce
from importlib import import_module

import pytest

from bench.kills import POINTS


@pytest.mark.parametrize("point", POINTS)
def test_a_point_at_which_the_process_is_killed_names_a_function(point: str) -> None:
    module, name = POINTS[point][0].split(":")
    assert callable(reduce(getattr, name.split("."), import_module(module)))
