"""How much freed memory the C library keeps for a daemon that runs for months: little. Without effect where it is not glibc's."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

# By glibc's malloc.h. By default it keeps up to 64 MB at the end of a heap once large blocks were freed, and begins a heap for
# each of a dozen threads: 10 MB of our daemon's 160, and no processor time, as measured (docs/performance.md).
_TRIM_THRESHOLD, _ARENA_MAX = -1, -8
_KEPT_BYTES, _HEAPS = 128 * 1024, 2
_OF_OPERATOR = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "MALLOC_CONF", "GLIBC_TUNABLES", "LD_PRELOAD")


def keep_little(environment: Mapping[str, str] = os.environ) -> bool:
    """Give freed memory back early, from now on, in this process; whether that was done. What an operator chose stays."""
    if any(name in environment for name in _OF_OPERATOR):
        return False
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    return choose is not None and all(
        choose(which, value) == 1 for which, value in ((_TRIM_THRESHOLD, _KEPT_BYTES), (_ARENA_MAX, _HEAPS))
    )
