"""The thread that ends a process in which nothing moves any more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from monitor.service.watchdog import Watchdog
from tests.fakes.patience import PATIENCE


def watched(answers: Iterator[bool]) -> tuple[Watchdog, threading.Event]:
    ended = threading.Event()
    return Watchdog(lambda: next(answers), end=ended.set, seconds=0.001, checks=3), ended


def test_c4_a_process_in_which_nothing_moves_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    watch, ended = watched(iter([True, False, False, False]))
    with caplog.at_level(logging.CRITICAL):
        watch.start()
        assert ended.wait(PATIENCE)
    assert "nothing has moved" in caplog.text


def test_c4_a_sign_of_life_in_between_begins_the_count_anew() -> None:
    looked = threading.Event()

    def answers() -> Iterator[bool]:
        yield from [False, False, True, False, False, True]
        looked.set()
        while True:
            yield True

    watch, ended = watched(answers())
    watch.start()
    assert looked.wait(PATIENCE)
    watch.stop()
    assert not ended.is_set()
