"""Background statistics: from word lists on the first day, then from the archive as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.matching.background import Background
from monitor.matching.term_vectors import unit, weigh
from monitor.text.terms import stem, terms

SHIPPED = Background.shipped()
FERRY = ("Ferry late", "The ferry to Port Ellis was late again on Monday.", "en")


@pytest.mark.parametrize(
    ("language", "common", "middling", "rare"),
    [
        ("en", "the", "government", "xyzzy"),
        ("ru", "и", "правительство", "кракозябра"),
        ("fa", "و", "دولت", "ضضضض"),
        ("ar", "من", "حكومة", "ضضضض"),
        ("ur", "میں", "حکومت", "ضضضض"),
        ("hi", "में", "सरकार", "क्ष्क्ष"),
        ("ps", "په", "حکومت", "ضضضض"),
        ("zh", "我们", "政府", "饕餮"),
        ("uk", "на", "уряд", "кракозябра"),
        ("tr", "ve", "hükümet", "xyzzy"),
    ],
)
def test_the_first_day_knows_common_words_from_rare_ones(language: str, common: str, middling: str, rare: str) -> None:
    low, middle, high = (
        max(SHIPPED.table(language).idf[term] for term in terms(each, language)) for each in (common, middling, rare)
    )
    assert low < 1 < middle < high


def test_a_language_without_a_list_weighs_every_word_alike() -> None:
    table = SHIPPED.table("tg")
    assert table.idf["дар"] == table.idf["кракозябра"] > 5
    assert table.likeness({"дар": 1.0}) > 0


def test_codes_that_are_no_language_reach_no_file() -> None:
    assert SHIPPED.table("../../secret").idf["word"] == SHIPPED.table("").idf["word"] > 5


def test_the_shipped_tables_are_small_and_say_where_they_are_from() -> None:
    folder = Path(__file__).parents[2] / "monitor/matching/data/background"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000
    assert (
        "CC" in (folder / "ATTRIBUTION.txt").read_text()
        or "Creative Commons" in (folder / "ATTRIBUTION.txt").read_text()
    )


SCENES = ["gale", "quay", "tug", "mast", "buoy", "rope"]


def ferry_news(count: int) -> list[tuple[str, str, str]]:
    """Articles that share the ferry and nothing else."""
    return [("", f"The ferry of {' '.join(f'{word}{at}' for word in SCENES)}", "en") for at in range(count)]


def test_what_every_archived_article_says_becomes_ordinary() -> None:
    ferry = stem("ferry", "en")
    learned = SHIPPED.with_documents(ferry_news(300))
    assert learned.table("en").idf[ferry] < SHIPPED.table("en").idf[ferry] / 1.3
    assert learned.table("en").idf["xyzzy"] > SHIPPED.table("en").idf["xyzzy"] - 1
    assert learned.table("ru").idf["и"] == SHIPPED.table("ru").idf["и"]
    assert learned.digest != SHIPPED.digest


def test_a_thousand_articles_of_one_story_do_not_make_its_words_ordinary() -> None:
    ferry = stem("ferry", "en")
    learned = SHIPPED.with_documents([FERRY] * 1_000)
    assert learned.table("en").idf[ferry] > SHIPPED.table("en").idf[ferry] * 0.9
    among_others = SHIPPED.with_documents([FERRY] * 500 + ferry_news(500))
    assert among_others.table("en").idf[ferry] < SHIPPED.table("en").idf[ferry] / 1.3


def test_articles_like_the_archive_are_like_the_ordinary_article() -> None:
    learned = SHIPPED.with_documents(ferry_news(300))

    def likeness(background: Background, text: str) -> float:
        table = background.table("en")
        return table.likeness(unit(weigh((), terms(text, "en"), table.idf)))

    assert likeness(learned, FERRY[1]) > 2 * likeness(SHIPPED, FERRY[1])
    assert likeness(learned, "Quarterly gallium exports doubled") < likeness(learned, FERRY[1]) / 3


def test_dialects_share_their_archive() -> None:
    learned = SHIPPED.with_documents([("", "کشتی بندر", "prs")] * 50)
    assert learned.table("fa").idf[stem("بندر", "fa")] < SHIPPED.table("fa").idf[stem("بندر", "fa")]
