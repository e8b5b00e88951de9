"""A first start says how many feeds answer, and which do not."""

from __future__ import annotations

from monitor.polling.pipeline import Polled
from monitor.service.first_polls import FirstPolls


def polled(feed: str, outcome: str = "ok") -> Polled:
    return Polled(feed=feed, outcome=outcome, error=None if outcome == "ok" else f"it answered {outcome}")


def test_it_is_said_once_when_each_was_asked() -> None:
    first = FirstPolls({"a", "b", "c"})
    assert [first.add(each) for each in (polled("a"), polled("known"), polled("b", "404"), polled("a", "500"))] == [
        ""
    ] * 4
    assert first.add(polled("c", "timeout")) == (
        "first polls: 1 of 3 feeds answer; these do not: b (404), c (timeout); `monitor feeds` and the page Feeds say what to do"
    )
    assert first.add(polled("c")) == ""


def test_where_all_answer_nothing_else_is_said_and_many_are_not_all_named() -> None:
    assert FirstPolls({"a"}).add(polled("a")) == "first polls: 1 of 1 feed answers"
    first = FirstPolls({f"f{number:02}" for number in range(14)})
    said = [first.add(polled(f"f{number:02}", "404")) for number in range(14)][-1]
    assert "0 of 14 feeds answer" in said
    assert "f09 (404) and 4 more" in said
