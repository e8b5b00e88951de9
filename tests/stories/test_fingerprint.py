from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.boilerplate import runs_in_at_least
from monitor.stories.fingerprint import Shingles, fingerprint, shortlist
from monitor.stories.tuning import FINGERPRINT_KEYS, MAX_CANDIDATES, MAX_POSTINGS

STABLE_KEYS = (-331395718, 1229152659, 2059081091, -2110591966, 215971937, 1748920363)
STABLE_TEXT_AND_TITLE = (-1993939474799311446, -420341327228030920)


def invented(words: int, *, seed: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    """A text of invented words."""
    dice = random.Random(seed)
    return " ".join("".join(dice.choices(alphabet, k=dice.randint(3, 8))) for _ in range(words))


def shared_keys(a: str, b: str) -> int:
    return len(set(fingerprint("", a).keys) & set(fingerprint("", b).keys))


def containment(a: str, b: str) -> float:
    return Shingles(a).containment(Shingles(b))


def test_a_fingerprint_is_stable_across_releases() -> None:
    """Stored keys must mean the same after an upgrade: a change here needs a migration that forgets the old ones."""
    found = fingerprint("A headline", "the quick brown fox jumps over the lazy dog")
    assert found.keys == STABLE_KEYS
    assert (found.text_key, found.title_key) == STABLE_TEXT_AND_TITLE


def test_keys_fit_a_signed_32_bit_column_and_differ() -> None:
    keys = fingerprint("", invented(400, seed=1)).keys
    assert len(set(keys)) == len(keys) == FINGERPRINT_KEYS
    assert all(-(2**31) <= key < 2**31 for key in keys)


def test_an_empty_text_has_no_keys_and_no_text_key() -> None:
    found = fingerprint("", " \n… — !")
    assert (found.keys, found.text_key, found.title_key) == ((), 0, 0)


def test_case_punctuation_and_white_space_change_nothing() -> None:
    text = invented(60, seed=2)
    assert fingerprint("A title", text) == fingerprint("a TITLE!", text.upper().replace(" ", " , ", 7) + "…")


def test_the_title_stands_apart_from_the_keys() -> None:
    text = invented(60, seed=3)
    one, other = fingerprint("one", text), fingerprint("other", text)
    assert (one.keys, one.text_key) == (other.keys, other.text_key)
    assert one.title_key != other.title_key


def test_an_excerpt_shares_keys_and_is_contained_whole() -> None:
    text = invented(600, seed=4)
    quarter = " ".join(text.split()[:150])
    assert shared_keys(text, quarter) >= 2
    assert containment(text, quarter) == containment(quarter, text) == 1.0


def test_word_order_counts() -> None:
    words = invented(60, seed=5).split()
    assert containment(" ".join(words), " ".join(reversed(words))) == 0.0


def test_strangers_share_nothing() -> None:
    assert shared_keys(invented(500, seed=6), invented(500, seed=7)) == 0
    assert containment(invented(500, seed=6), invented(500, seed=7)) == 0.0


def test_arabic_cyrillic_and_chinese_texts_are_found_again() -> None:
    for alphabet in ("ابپتثجچحخدذرزژسشصض", "абвгдежзиклмнопрст", "莫斯科会议代表团将参加塔利班"):
        text = invented(300, seed=8, alphabet=alphabet)
        half = " ".join(text.split()[100:250])
        assert shared_keys(text, half) >= 2
        assert containment(text, half) > 0.97


def test_two_spellings_of_arabic_letters_are_one_text() -> None:
    assert containment("وزير الخارجية كابل يكي ديگر", "وزیر الخارجیه کابل یکی دیگر") == 1.0


def test_a_short_text_is_its_one_run() -> None:
    assert len(fingerprint("", "Talks resume").keys) == 1
    assert containment("Talks resume", "talks resume") == 1.0
    assert containment("", "") == 0.0


def test_a_lone_surrogate_does_not_stop_it() -> None:
    assert fingerprint("\ud800", "four words and \udfff more").keys


def test_five_megabytes_cost_no_more_than_a_long_article() -> None:
    assert len(Shingles("word " * 1_000_000).words) <= 40_000


# --- which candidates are compared ---------------------------------------------------------------------------------------


def test_two_shared_keys_make_a_candidate_one_does_not() -> None:
    assert shortlist([1, 2, 3, 4], {3: [7, 8], 4: [7]}) == [7]


def test_the_smallest_key_alone_is_enough_while_it_is_rare() -> None:
    assert shortlist([1, 2, 3, 4], {1: [7]}) == [7]
    assert shortlist([-5, 2, 3, 4], {-5: [7]}) == [7]  # the first, not the least: of the hash only a half is kept
    assert shortlist([1, 2, 3, 4], {3: [7]}) == []
    assert shortlist([1, 2, 3, 4], {1: list(range(20))}) == []


def test_a_key_that_everybody_carries_proposes_nobody() -> None:
    everybody = list(range(MAX_POSTINGS + 1))
    assert shortlist([1, 2, 3], {1: everybody, 2: everybody, 3: [5]}) == []


def test_the_list_is_short_and_the_likeliest_come_first() -> None:
    postings = {key: list(range(60)) for key in (1, 2)} | {3: [59]}
    found = shortlist([1, 2, 3], postings)
    assert found[0] == 59
    assert len(found) == MAX_CANDIDATES


@given(st.lists(st.text(alphabet="abc ", max_size=40), min_size=2, max_size=2))
def test_containment_is_symmetric_and_a_share(texts: list[str]) -> None:
    value = containment(*texts)
    assert value == containment(*reversed(texts))
    assert 0.0 <= value <= 1.0


@given(st.text(max_size=300))
def test_any_text_contains_itself(text: str) -> None:
    assert containment(text, text) == float(bool(Shingles(text).words))


@given(st.lists(st.text(alphabet="ab ", max_size=40), min_size=1, max_size=5), st.integers(1, 3))
def test_runs_are_counted_as_sets_would(texts: list[str], count: int) -> None:
    read = [Shingles(text) for text in texts]
    sets = [set(each.distinct.tolist()) for each in read]
    assert [read[0].count_shared(each.distinct) for each in read] == [len(sets[0] & each) for each in sets]
    carriers = Counter(run for each in sets for run in each)
    assert runs_in_at_least(count, read).tolist() == sorted(run for run, held in carriers.items() if held >= count)
