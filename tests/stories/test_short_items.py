"""Short items as feeds bring them, written and labelled by somebody who had not seen the code, with their stored embeddings.

The bounds lie a little below what was measured (docs/dedup.md, "Short items"). To see what is decided wrongly:
`python -m bench.stories --data DIR --vectors FILE --ours --only headlines,odd`.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from bench import events
from monitor.matching.embedders import excerpt, key

PAIRS = events.read(events.HERE / "headline_pairs.jsonl")
ODD = events.read(events.HERE / "odd_items.jsonl")
KNOWN = events.stored_vectors()


def joined(kind: str, known: events.Vectors) -> float:
    of_kind = [row for row in PAIRS if row["kind"] == kind]
    pairs = ([events._short(row[which], row["language"]) for which in "ab"] for row in of_kind)
    return sum(events.are_one(one, other, known) for one, other in pairs) / len(of_kind)


def test_headlines_of_one_shape_on_other_events_are_kept_apart() -> None:
    assert joined("other", KNOWN) <= 0.06
    assert joined("other", events.NO_VECTORS) <= 0.08


def test_one_event_in_other_words_is_joined() -> None:
    assert joined("same", KNOWN) >= 0.64
    assert joined("same", events.NO_VECTORS) >= 0.1


@pytest.mark.parametrize("group", ODD, ids=lambda group: group["group"])
@pytest.mark.parametrize("known", [KNOWN, events.NO_VECTORS], ids=["by meaning", "by words"])
def test_what_looks_alike_swallows_no_stranger(group: dict[str, Any], known: events.Vectors) -> None:
    articles = [events._short(each, "en") for each in group["items"]]
    order = sorted(range(len(articles)), key=lambda at: articles[at].published_at)
    stories = dict(zip(order, events.grouped([articles[at] for at in order], known), strict=True))
    same = {frozenset(pair) for pair in group["same"]}
    wrong = [
        (articles[one].title, articles[other].title)
        for one, other in combinations(stories, 2)
        if stories[one] == stories[other] and frozenset((one, other)) not in same
    ]
    assert wrong == []


def test_all_items_have_a_stored_embedding() -> None:
    texts = [excerpt(row[which]["title"], row[which]["summary"] or "") for row in PAIRS for which in "ab"]
    texts += [excerpt(each["title"], each["summary"] or "") for group in ODD for each in group["items"]]
    assert [text for text in texts if key(text) not in KNOWN] == []
