"""Ports for servers that are started later, and again."""

from __future__ import annotations

import os
import random
import socket

# Below the range from which the system gives ports to whoever asks for any: a port of that may go to another test meanwhile.
_FIRST, _LAST = 15_000, 31_999
_draw = random.Random(os.getpid())


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and which the system gives to nobody else."""
    while True:
        port = _draw.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
