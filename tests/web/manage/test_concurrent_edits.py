"""What becomes of a form that another window overtook."""

from __future__ import annotations

import pytest

from monitor.web.manage.concurrent_edits import merged


@pytest.mark.parametrize(
    ("shown", "typed", "now", "saved", "is_fault"),
    [
        ("a", "a", "a", "a", False),
        ("a", "b", "a", "b", False),
        ("a", "a", "b", "b", False),  # not touched here
        ("a", "b", "b", "b", False),  # both to the same
        ("a", "b", "c", "b", True),
        ("a", "", "c", "", True),
        ("a b", "a\r\n b ", "c", "c", False),  # white space is no change
    ],
)
def test_a_field(shown: str, typed: str, now: str, saved: str, is_fault: bool) -> None:
    form, faults = merged({"field": typed, "was_field": shown}, {"field": now})
    assert form["field"] == saved
    assert bool(faults) == is_fault


def test_a_form_that_does_not_say_what_it_showed_counts_as_loaded_now() -> None:
    assert merged({"field": "typed"}, {"field": "now"}) == ({"field": "typed"}, {})
