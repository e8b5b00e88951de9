"""Topics recognise their articles, say why, and obey the rules of topic.toml."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.learning.tracker import Tracker
from monitor.matching.background import Background
from monitor.matching.evidence import shown_words
from monitor.matching.matcher import Matcher, build
from monitor.matching.model import learn
from monitor.matching.topic_threshold import ceiling, topic_strictness
from monitor.matching.tuning import BOUNDED_FROM, SENTENCE_STRICTNESS
from monitor.types.matching import OTHER_TERMS, Example, Reason, Score, Seed, Topic
from tests.fakes.patience import grows_evenly

SHIPPED = Background.shipped()
FERRY = Seed(
    file="ferry.txt",
    title="Ferry to Port Ellis runs aground",
    text="The ferry Marigold ran aground on a sandbank outside Port Ellis on Monday with ninety passengers aboard. Tugs from the "
    "harbour pulled it free at high tide. The coastguard opened an inquiry into the grounding.",
    language="en",
)
CHEESE = Seed(
    file="cheese.txt",
    title="Dairy farmers protest against cheese tariffs",
    text="Dairy farmers poured milk in front of the ministry on Tuesday to protest against new tariffs on cheese exports. "
    "The agriculture minister promised talks with the dairy unions.",
    language="en",
)
AGROUND = (
    "Grounded ferry Marigold was off course",
    "An inquiry found that the ferry that ran aground near Port Ellis had left its lane. The coastguard will publish charts.",
    "en",
)
ELSEWHERE = (
    "Parliament votes on the budget",
    "Members of parliament passed the budget late on Thursday after a long debate.",
    "en",
)


def topic(name: str = "ferry", *seeds: Seed, **fields: object) -> Topic:
    return Topic(name=name, title=name, seeds=seeds or (FERRY,), **fields)  # type: ignore[arg-type]


def matcher(*topics: Topic, examples: tuple[Example, ...] = (), background: Background = SHIPPED) -> Matcher:
    return build(topics or (topic(),), background=background, examples=examples)


def one(article: tuple[str, str, str], *topics: Topic, examples: tuple[Example, ...] = ()) -> Score:
    return matcher(*topics, examples=examples).score(*article)[0]


# --- recognising ------------------------------------------------------------------------------------------------------


def test_each_topic_finds_its_own_article_and_no_other() -> None:
    both = matcher(topic(), topic("cheese", CHEESE))
    assert [score.is_match for score in both.score(*AGROUND)] == [True, False]
    assert [score.is_match for score in both.score("Cheese tariffs: dairy unions to meet minister", "", "en")] == [
        False,
        True,
    ]
    assert [score.is_match for score in both.score(*ELSEWHERE)] == [False, False]


def test_a_seed_is_its_own_nearest_article() -> None:
    score = one((FERRY.title, FERRY.text, "en"))
    assert score.score == pytest.approx(1)
    assert (score.evidence.seed, round(score.evidence.seed_similarity, 6)) == ("ferry.txt", 1)


def test_inflected_words_are_one_word() -> None:
    seed = Seed(
        file="a.txt", title="", text="Паром сел на мель у порта. Береговая охрана начала расследование.", language="ru"
    )
    score = one(
        ("Пассажиров парома сняли с мели", "Расследованием занимается береговая охрана порта.", "ru"), topic("ru", seed)
    )
    assert score.is_match


def test_scripts_that_write_one_letter_two_ways_meet() -> None:
    seed = Seed(file="a.txt", title="", text="كشتي در بندر به گل نشست و مسافران نجات يافتند", language="prs")
    score = one(("کشتی در بندر به گل نشست", "مسافران نجات یافتند", "fa"), topic("fa", seed))
    assert score.score > 0.7


def test_names_meet_across_languages_of_one_script() -> None:
    evidence = matcher().evidence("ferry", "Le ferry Marigold s'échoue devant Port Ellis", "", "fr")
    assert {"marigold", "port"} <= {each.term for each in evidence.terms}


def test_everyday_words_must_be_more_alike_than_rare_ones() -> None:
    found = matcher()
    everyday, rare = (
        found.score("What people said about it this week", "", "en")[0],
        found.score("Coastguard tugs refloat Marigold off Ellis", "", "en")[0],
    )
    assert everyday.threshold > rare.threshold


def test_with_a_sentence_articles_are_met_from_further_off_in_its_language() -> None:
    """The sentence is an example like the seed, but no article."""
    sentence = f"{FERRY.title}. {FERRY.text}"
    german = replace(
        FERRY, file="de.txt", title="Fähre läuft auf Grund", text="Die Fähre lief vor dem Hafen auf.", language="de"
    )
    [both, seed] = [learn(topic("ferry", FERRY, german, description=each), (), (), SHIPPED) for each in (sentence, "")]
    assert [both.side(each).has_sentence for each in ("en", "de")] == [True, False]
    assert not seed.side("en").has_sentence
    alike = replace(both.side("en"), has_sentence=False)
    for of in (topic_strictness, ceiling):
        assert of(both.side("en"), 1.0) == pytest.approx(SENTENCE_STRICTNESS * of(alike, 1.0))
        assert of(both.side("de"), 1.0) == of(seed.side("de"), 1.0)


def test_examples_that_lie_apart_are_met_from_further_off() -> None:
    apart, together = topic("ferry", FERRY, CHEESE), topic("ferry", FERRY, replace(FERRY, text=f"{FERRY.text} Again."))
    assert one(ELSEWHERE, apart).threshold < one(ELSEWHERE, together).threshold


@pytest.mark.parametrize(
    "article",
    [
        ("", "", "en"),
        ("", "", "und"),
        ("...", "\n\n", ""),
        ("word", "word", "xx"),
        ("паром", "паром паром", "en"),
        ("渡轮搁浅", "渡轮在港口搁浅", "zh"),
        ("a" * 10_000, "b" * 100_000, "en"),
        ("ferry " * 500, "ferry " * 200_000, "en"),
    ],
    ids=["empty", "no language", "no words", "unknown language", "wrong language", "chinese", "no spaces", "megabyte"],
)
def test_odd_articles_get_a_number(article: tuple[str, str, str]) -> None:
    score = one(article)
    assert -1 <= score.score <= 1 + 1e-9
    assert score.threshold > 0


def test_a_megabyte_costs_what_its_words_cost_and_not_their_square() -> None:
    assert grows_evenly(lambda times: one(("ferry " * 125 * times, "ferry " * 50_000 * times, "en")))


def test_no_topics_give_no_scores() -> None:
    empty = build((), background=SHIPPED)
    assert (empty.score(*AGROUND), empty.matches(*AGROUND), empty.topics) == ((), (), ())


def test_topics_that_are_not_enabled_are_left_out() -> None:
    found = matcher(topic("off", is_enabled=False), topic())
    assert [score.topic for score in found.score(*AGROUND)] == ["ferry"]
    with pytest.raises(KeyError):
        found.model("off")


def test_matches_are_the_scores_above_their_threshold() -> None:
    found = matcher(topic(), topic("cheese", CHEESE), topic("no", excluded=("ferry",)))
    assert found.matches(*AGROUND) == tuple(s for s in found.score(*AGROUND) if s.is_match or s.blocked)
    assert [score.topic for score in found.matches(*AGROUND)] == ["ferry", "no"]


def test_matches_among_very_many_topics_are_those_of_all_scores_to_the_last_bit() -> None:
    draw = Random(0)
    places = [
        f"{start}{end}"
        for start in ("Ol", "Mar", "Kest", "Bran", "Tev", "Sil")
        for end in ("burg", "wick", "holm", "ford", "mouth")
    ]

    def news(about: str) -> tuple[str, str, str]:
        said = [
            f"The {draw.choice(('mayor', 'council', 'harbour'))} of {draw.choice(places)} spoke of {about}."
            for _ in range(6)
        ]
        return f"{about} in {draw.choice(places)}", " ".join(said), "en"

    subjects = [f"{one} {two}" for one in places for two in ("ferry", "bridge", "strike", "festival")]
    topics = []
    for at in range(BOUNDED_FROM + 20):
        title, text, language = news(draw.choice(subjects))
        topics.append(topic(f"t{at}", Seed(file="a.txt", title=title, text=text, language=language)))
    many = matcher(*topics)
    articles = [news(draw.choice(subjects)) for _ in range(12)] + [
        AGROUND,
        ELSEWHERE,
        ("", "", "en"),
        (*AGROUND[:2], "fr"),
    ]
    found = [many.matches(*each) for each in articles]
    assert found == [tuple(score for score in many.score(*each) if score.is_match) for each in articles]
    assert sum(map(len, found)) > 30
    index = many._index("en")
    few = [many._few_scores(index, *many._weigh(*each)[::2]) is not None for each in articles]
    assert True in few
    assert False in few


# --- rules of topic.toml ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "blocked"),
    [
        ({"excluded": ("ran aground",)}, Reason.EXCLUDED),
        ({"excluded": ("RAN Aground",)}, Reason.EXCLUDED),
        ({"excluded": ("aground ran",)}, None),
        ({"excluded": ("round",)}, None),
        ({"required": ("Port Ellis", "Port Ness")}, None),
        ({"required": ("Port Ness",)}, Reason.NOT_REQUIRED),
        ({"languages": ("fr",)}, Reason.OTHER_LANGUAGE),
        ({"languages": ("fr", "en")}, None),
    ],
)
def test_rules_hold_back_what_scores_well(rules: dict[str, tuple[str, ...]], blocked: Reason | None) -> None:
    score = one(AGROUND, topic(**rules))
    assert score.score >= score.threshold
    assert (score.blocked, score.is_match) == (blocked, blocked is None)


def test_rules_are_not_asked_below_the_threshold() -> None:
    assert one(ELSEWHERE, topic(excluded=("parliament",))).blocked is None


def test_one_chinese_character_can_be_excluded() -> None:
    seed = Seed(file="a.txt", title="", text="渡轮在港口外搁浅，海岸警卫队展开调查", language="zh")
    article = ("渡轮在港口搁浅", "海岸警卫队调查船", "zh")
    assert one(article, topic("zh", seed, excluded=("船",))).blocked is Reason.EXCLUDED
    assert one(article, topic("zh", seed, excluded=("牛",))).is_match


def test_sensitivity_moves_the_threshold() -> None:
    at = {each: one(AGROUND, topic(sensitivity=each)).threshold for each in ("precise", "balanced", "broad")}
    assert at["precise"] > at["balanced"] > at["broad"]


# --- learning ---------------------------------------------------------------------------------------------------------


def test_a_counter_seed_pushes_its_likes_down() -> None:
    regatta = Seed(
        file="not/a.txt",
        title="Regatta at Port Ellis",
        text="Yachts raced outside Port Ellis.",
        language="en",
        is_counter=True,
    )
    article = ("Regatta draws yachts to Port Ellis", "The ferry paused for the race.", "en")
    assert one(article, topic("ferry", FERRY, regatta)).score < one(article).score - 0.1
    assert one(AGROUND, topic("ferry", FERRY, regatta)).is_match


def test_verdicts_change_scores() -> None:
    article = ("Marigold owner fined", "The shipping company Ellis Lines was fined for ignoring its charts.", "en")
    wanted = Example(topic="ferry", title=article[0], text=article[1], language="en", is_relevant=True)
    unwanted = Example(topic="ferry", title=article[0], text=article[1], language="en", is_relevant=False)
    plain = one(article).score
    assert one(article, examples=(wanted,)).score > plain > one(article, examples=(unwanted,)).score


def test_verdicts_on_other_topics_change_nothing() -> None:
    other = Example(topic="cheese", title="Marigold", text="Marigold", language="en", is_relevant=True)
    assert matcher(examples=(other,)).model("ferry").version == matcher().model("ferry").version


def test_versions_change_with_whatever_changes_scores() -> None:
    reviewed = Example(topic="ferry", title="a", text="b", language="en", is_relevant=True)
    versions = {
        matcher().model("ferry").version,
        matcher(topic("ferry", CHEESE)).model("ferry").version,
        matcher(examples=(reviewed,)).model("ferry").version,
        matcher(background=SHIPPED.with_documents([ELSEWHERE])).model("ferry").version,
    }
    assert len(versions) == 4
    assert matcher().model("ferry").version in versions
    assert one(AGROUND).model_version == matcher().model("ferry").version


# --- following a story ------------------------------------------------------------------------------------------------

CAPTAIN = (
    "Captain of grounded ferry Marigold questioned",
    "The coastguard inquiry into the grounding of the ferry Marigold at Port Ellis heard Captain Joan Ravel and pilot Tom Asker.",
    "en",
)
TRIAL = (
    "Ravel and Asker to stand trial",
    "Captain Joan Ravel and pilot Tom Asker go on trial over the Marigold.",
    "en",
)


def example(article: tuple[str, str, str], name: str = "ferry") -> Example:
    return Example(topic=name, title=article[0], text=article[1], language=article[2], is_relevant=True)


def follow(tracker: Tracker, title: str, text: str, language: str) -> tuple[Score, ...]:
    """Score an article and train the topics on it, as a poll does where nothing is embedded."""
    return tracker.learn(title, text, language, tracker.matcher.score(title, text, language))


def test_a_topic_follows_its_story_by_its_own_confident_matches() -> None:
    tracker = Tracker(matcher())
    (before,) = follow(tracker, *TRIAL)
    (sure,) = follow(tracker, *CAPTAIN)
    assert sure.self_training_weight == 1.0
    (after,) = follow(tracker, *TRIAL)
    assert after.score > before.score + 0.1
    assert after.model_version != before.model_version
    assert sum(each.weight for each in after.evidence.terms) == pytest.approx(after.score)


def test_a_restart_knows_what_was_learned_one_by_one() -> None:
    followed = matcher(topic(), topic("cheese", CHEESE))
    for each in (CAPTAIN, TRIAL, CAPTAIN):
        followed.score(*ELSEWHERE)  # the index is there and is carried on
        followed = followed.with_training([example(each)])
    examples = [example(CAPTAIN), example(TRIAL), example(CAPTAIN)]
    restarted = build(followed.topics, background=SHIPPED, self_trained=examples)
    assert restarted.model("ferry").version == followed.model("ferry").version != matcher().model("ferry").version
    for article in (AGROUND, TRIAL, ELSEWHERE, ("Cheese for Ravel", "Dairy unions", "en")):
        for one_by_one, at_once in zip(followed.score(*article), restarted.score(*article), strict=True):
            assert one_by_one.score == pytest.approx(at_once.score)
            assert one_by_one.threshold == pytest.approx(at_once.threshold)


def test_a_stream_that_drifts_does_not_carry_the_topic_off() -> None:
    """Each article is about its predecessor and one thing more, until nothing of the ferry is left."""
    subjects = "ferry harbour crane steel tariff ministry election poll candidate debate television singer tour".split()
    scenes = {word: " ".join(f"{word}{letter}" for letter in "abcdefghijklmno") for word in subjects}
    start = Seed(file="a.txt", title="", text=f"{FERRY.text} {scenes['ferry']}", language="en")
    tracker = Tracker(matcher(topic("ferry", start)))
    for _ in range(3):
        for old, new in pairwise(subjects):
            follow(tracker, "", f"{scenes[old]} {scenes[new]}", "en")
    assert follow(tracker, FERRY.title, FERRY.text, "en")[0].is_match
    assert not follow(tracker, "", f"{scenes['singer']} {scenes['tour']}", "en")[0].is_match


def test_matches_in_languages_without_seeds_and_reviewed_ones_train_nothing() -> None:
    found = matcher(examples=(example(CAPTAIN),))
    assert found.with_training([example(CAPTAIN), example((*CAPTAIN[:2], "fr")), example(CAPTAIN, "nonsense")]) is found


def test_what_was_learned_while_a_matcher_was_built_is_kept() -> None:
    tracker = Tracker(matcher())
    follow(tracker, *CAPTAIN)
    learned = tracker.matcher.model("ferry").version
    tracker.finish_rebuild(matcher())
    assert tracker.matcher.model("ferry").version == learned


def test_many_matches_weigh_no_more_than_the_seeds() -> None:
    many = [example((f"Ravel {number}", TRIAL[1], "en")) for number in range(200)]
    learned = matcher().with_training(many)
    assert learned.score(FERRY.title, FERRY.text, "en")[0].score > 0.6


def test_a_feed_that_tells_one_story_only_does_not_lose_it() -> None:
    """Two feeds bring a thousand items each of one topic; one is confirmed, which builds the model anew; five more arrive."""

    def item(number: int) -> tuple[str, str, str]:
        text = (
            f"The ferry Marigold ran aground outside Port Ellis with {number} passengers aboard. Tugs pulled it free."
        )
        return f"Ferry Marigold aground near Port Ellis, item {number}", text, "en"

    archive = [item(number) for number in range(2_000)]
    background = SHIPPED.with_documents(archive[-1_000:])
    examples = [example(each) for each in archive[-20:]]
    rebuilt = build((topic(),), background=background, examples=[example(archive[0])], self_trained=examples)
    arrived = [rebuilt.score(*item(number))[0] for number in range(2_000, 2_005)]
    assert all(each.self_training_weight == 1.0 for each in arrived)
    assert rebuilt.score(FERRY.title, FERRY.text, "en")[0].is_match
    assert not rebuilt.score(*ELSEWHERE)[0].is_match


def test_prints_of_one_agency_text_train_once_and_do_not_make_the_topic_stricter() -> None:
    prints = [
        (f"{paper}: captain Ravel of the Marigold", CAPTAIN[1], "en") for paper in ("Herald", "Post", "Echo", "Star")
    ]
    one, all_of_them = (Tracker(matcher()) for _ in range(2))
    follow(one, *prints[0])
    for each in prints:
        assert follow(all_of_them, *each)[0].is_match
    assert all_of_them.matcher.model("ferry").version == one.matcher.model("ferry").version
    assert follow(all_of_them, *AGROUND)[0].threshold == pytest.approx(follow(one, *AGROUND)[0].threshold)


def test_prints_of_a_dismissed_article_train_nothing() -> None:
    dismissed = replace(example(CAPTAIN), is_relevant=False)
    prints = (f"Herald: {CAPTAIN[0]}", CAPTAIN[1], "en")
    reviewed = matcher(examples=(dismissed,))
    assert reviewed.with_training([example(prints)]) is reviewed
    restarted = build((topic(),), background=SHIPPED, examples=[dismissed], self_trained=[example(prints)])
    assert restarted.model("ferry").version == reviewed.model("ferry").version


def test_no_threshold_passes_what_the_topics_own_examples_score() -> None:
    many = [example((f"Trial of Captain Ravel, day {day}", TRIAL[1], "en")) for day in range(20)]
    everyday = ("We said that it was what they would have", "It is as good as it was when we had one of them.", "en")
    learned = matcher(topic(sensitivity="precise")).with_training(many)
    for article in (TRIAL, everyday, (everyday[0], "", "en"), ("The", "", "en")):
        assert learned.score(*article)[0].threshold <= 0.75


# --- evidence ---------------------------------------------------------------------------------------------------------

VOCABULARY = (
    "ferry",
    "ferries",
    "ran",
    "aground",
    "port",
    "ellis",
    "the",
    "on",
    "budget",
    "cheese",
    "1999",
    "Marigold's",
    "паром",
)
WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=60).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(title=WORDS, text=WORDS, language=st.sampled_from(["en", "fr", "und"]))
def test_the_terms_of_the_evidence_add_up_to_the_score(title: str, text: str, language: str) -> None:
    regatta = Seed(file="not/a.txt", title="", text="The budget of Port Ellis.", language="en", is_counter=True)
    found = matcher(topic("ferry", FERRY, CHEESE, regatta))
    (score,) = found.score(title, text, language)
    evidence = found.evidence("ferry", title, text, language)
    assert sum(each.weight for each in evidence.terms) == pytest.approx(score.score)
    if score.is_match:
        assert score.evidence == evidence


def test_evidence_speaks_the_articles_words() -> None:
    evidence = one(AGROUND).evidence
    assert {"marigold", "aground", "inquiry"} <= {each.term for each in evidence.terms}
    assert evidence.sentence == "An inquiry found that the ferry that ran aground near Port Ellis had left its lane."


def test_evidence_names_no_function_word_and_no_word_of_less_than_two_percent() -> None:
    title = "A ferry being run aground for an inquiry of the port"
    evidence = one((title, f"{AGROUND[0]}. {AGROUND[1]} It was a day for those who had been there.", "en")).evidence
    named = [each for each in evidence.terms if each.term != OTHER_TERMS]
    assert named
    assert not {"a", "an", "being", "for", "of", "the", "was", "had", "been", "that"} & {each.term for each in named}
    total = sum(each.weight for each in named)
    assert all(each.weight >= 0.02 * total for each in named)
    assert sum(share for _, share in shown_words(evidence)) == 100


def test_a_headline_is_its_own_best_sentence() -> None:
    assert one((AGROUND[0], "", "en")).evidence.sentence == AGROUND[0]
