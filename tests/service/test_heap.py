"""The daemon gives freed memory back, unless its operator said how."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from monitor.service import heap

_FREED = """
import sys
from monitor.service import heap
if sys.argv[1] == "little":
    assert heap.keep_little({})
def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6
big = [bytearray(20_000_000) for _ in range(2)]  # blocks that were freed raise glibc's limits
del big
parts = [bytearray(60_000) for _ in range(500)]
del parts
print(held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_given_back_and_by_default_would_be_kept() -> None:
    held = {
        how: float(subprocess.run([sys.executable, "-c", _FREED, how], capture_output=True, check=True).stdout)
        for how in ("little", "default")
    }
    assert held["little"] + 20 < held["default"]


@pytest.mark.parametrize("name", ["MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD"])
def test_what_the_operator_chose_stays(name: str) -> None:
    assert not heap.keep_little({name: "4"})
