"""The helpers that keep time out of the tests."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.patience import grows_evenly, soon, soon_on_loop


def test_what_does_not_come_true_fails() -> None:
    with pytest.raises(AssertionError, match="did not come true"):
        soon(lambda: False, within=0)
    with pytest.raises(AssertionError, match="did not come true"):
        asyncio.run(soon_on_loop(lambda: None, within=0))


def test_what_was_waited_for_is_handed_on() -> None:
    answers = iter([0, "", "so"])
    assert soon(lambda: next(answers)) == "so"


def test_work_that_grows_faster_than_its_input_is_noticed() -> None:
    assert grows_evenly(lambda times: sum(range(300_000 * times)))
    assert not grows_evenly(lambda times: sum(range((120 * times) ** 3)), tries=1)
