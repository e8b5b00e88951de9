"""What feedparser is spared changes nothing of what we read."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import feedparser.mixin
import pytest
from feedparser.util import FeedParserDict
from hypothesis import given
from hypothesis import strategies as st

from monitor.reading import parse, shortcuts
from tests.fakes.site import rss


def test_a_feed_is_read_without_dates_that_nobody_reads() -> None:
    found = parse._run_feedparser_once(rss(("Envoys meet", "https://n.example/1", "1", "They met.", datetime.now(UTC))))
    assert found["entries"]
    assert all(each["published"] and not each["published_parsed"] for each in found["entries"])


@given(st.sampled_from(["", "https://n.example/a/"]), st.text(":/.?#ah", max_size=12))
def test_addresses_are_joined_as_feedparser_joins_them(base: str, uri: str) -> None:
    assert feedparser.mixin._urljoin(base, uri) == shortcuts._join(base, uri)


@pytest.mark.parametrize(
    "value", [{}, {"type": "text/html", "language": None, "base64": 0}, {"links": [{"href": "a"}]}]
)
def test_a_copy_is_equal_and_shares_nothing(value: dict[str, object]) -> None:
    given_one = FeedParserDict({**value, "inner": FeedParserDict(name="x")})
    found = copy.deepcopy(given_one)
    assert type(found) is FeedParserDict
    assert found == given_one
    found["inner"]["name"] = "y"
    assert given_one["inner"]["name"] == "x"
