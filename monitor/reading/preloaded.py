"""Loaded last by the process from which workers are forked: what it holds by then stays as it is.

The collector of garbage writes into each object that it looks at, and a page that was written to is no longer shared.
"""

from __future__ import annotations

import gc


def freeze() -> None:
    """Take all that is there out of the collector's sight."""
    gc.collect()
    gc.freeze()


freeze()
