"""Sensitivity: a request becomes a factor on the threshold, within bounds, or a note says what happens instead."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.evaluation import backtest
from monitor.evaluation.backtest import Line
from monitor.learning import training
from monitor.matching import sensitivity as intent
from monitor.matching.alert_rate import sensitivity_costs
from monitor.matching.background import Background
from monitor.matching.calibration import Calibration, Curve, LabelledText, TopicCalibration, calibrate
from monitor.matching.matcher import build
from monitor.matching.sensitivity import ArchivedScore, ScoredArchive, Sensitivity, decide, parse
from monitor.matching.tuning import MAX_FACTOR, MIN_FACTOR
from monitor.store import migrate, topics
from monitor.store.db import Database
from monitor.topics.seeds import load
from tests.conftest import NOON
from tests.fakes.command import SEED, Operator
from tests.matching.test_calibration import drawn
from tests.store.test_contract import BRIDGE, TOPIC, article, file

# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("precise", Sensitivity(word="precise")),
        ("about 3 alerts a day", Sensitivity(alerts_a_day=3)),
        ("About 0.5  alerts a day", Sensitivity(alerts_a_day=0.5)),
        ("about 1 alert a day", Sensitivity(alerts_a_day=1)),
        ("precision at least 80 %", Sensitivity(precision=0.8)),
        ("precision at least 95%", Sensitivity(precision=0.95)),
        *(
            (wrong, None)
            for wrong in ("", "high", "about 0 alerts a day", "about many alerts a day", "about -3 alerts a day")
        ),
        *(
            (wrong, None)
            for wrong in ("precision at least 100 %", "precision at least 30 %", "about 99999 alerts a day")
        ),
    ],
)
def test_an_intent_is_read(text: str, expected: Sensitivity | None) -> None:
    assert parse(text) == expected


def test_topic_toml_takes_intents_and_names_the_mend(tmp_path: Path) -> None:
    for name, text in (("a", "about 3 alerts a day"), ("b", "precision at least 80 %"), ("c", "about 3 a day")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "seed.txt").write_text(SEED)
        (tmp_path / name / "topic.toml").write_text(f'sensitivity = "{text}"\n')
    shelf = load(tmp_path)
    assert [each.sensitivity for each in shelf.topics] == ["about 3 alerts a day", "precision at least 80 %"]
    assert "topic.toml:1: sensitivity is 'about 3 a day': use one of precise, balanced, broad" in shelf.faults[0]
    assert '"about 3 alerts a day"' in shelf.faults[0]


# --- about N alerts a day ---------------------------------------------------------------------------------------------


def archive(*margins: float, days: float = 10, weight: float = 1.0) -> ScoredArchive:
    return ScoredArchive(
        tuple(ArchivedScore(date(2026, 1, 1 + at % 10), at, each, weight) for at, each in enumerate(margins)), days
    )


def test_alerts_a_day_are_what_the_archive_would_have_told() -> None:
    spread = archive(*(at / 100 for at in range(-40, 60)))
    for wanted in (1, 3, 6):
        setting = decide(f"about {wanted} alerts a day", "x", spread, Calibration())
        assert intent.alerts_by_day(spread, setting.factor).total == pytest.approx(10 * wanted, abs=1)
        assert not setting.note


def test_the_first_day_acts_like_balanced_and_says_so() -> None:
    setting = decide("about 3 alerts a day", "x", archive(0.1, 0.2, days=0.9), Calibration())
    assert setting.factor == 1.0
    assert "acts like balanced" in setting.note


def test_factors_stay_within_bounds_and_say_what_cannot_be() -> None:
    many = decide("about 1 alerts a day", "x", archive(*([2.0] * 500)), Calibration())
    assert many.factor == MAX_FACTOR
    assert "as strict as can be" in many.note
    silence = decide("about 5 alerts a day", "x", archive(0.1, 0.3), Calibration())
    assert silence.factor == MIN_FACTOR
    assert "about 0.2 alerts a day" in silence.note


def test_what_lies_below_every_threshold_is_not_counted_as_told() -> None:
    """Near misses are kept from half the threshold on, and no intent goes that low: what it comes to was promised too high."""
    below = archive(*([-0.1] * 20), *([-0.6] * 60))
    setting = decide("about 6 alerts a day", "x", below, Calibration())
    assert setting.factor == MIN_FACTOR
    assert "cannot tell 6 a day: the lowest threshold gives about 2.0 alerts a day" in setting.note
    assert not decide("about 2 alerts a day", "x", below, Calibration()).note


def test_a_sample_that_stands_for_many_is_taken_where_that_is_nearer_to_what_was_asked() -> None:
    margins = (*((0.5, 1.0) for _ in range(30)), (0.0, 12.0))
    seen = ScoredArchive(tuple(ArchivedScore(date(2026, 1, 1), at, *each) for at, each in enumerate(margins)), 10)
    assert decide("about 4 alerts a day", "x", seen, Calibration()).factor < 1
    assert decide("about 3.1 alerts a day", "x", seen, Calibration()).factor > 1


def test_the_cost_of_an_intent_is_by_the_time_it_was_reckoned_over() -> None:
    """A day and a half are no whole days; and samples say less than articles that were all kept."""
    for days in (1.4, 1.6, 9.5):
        seen = archive(*(at / 100 for at in range(-40, 60)), days=days)
        setting = decide("about 3 alerts a day", "x", seen, Calibration())
        [asked] = [each for each in sensitivity_costs("about 3 alerts a day", setting, seen) if each.is_in_force]
        assert asked.rate.a_day == pytest.approx(3, abs=1 / days)
        assert asked.rate.low < asked.rate.a_day < asked.rate.high
    plain, sampled = archive(*([0.1] * 40)), archive(*([0.1] * 4), weight=10)
    (one, *_), (other, *_) = (
        sensitivity_costs("balanced", decide("balanced", "x", each, Calibration()), each)[1:]
        for each in (plain, sampled)
    )
    assert one.rate.a_day == other.rate.a_day == 4
    assert other.rate.low < one.rate.low < one.rate.high < other.rate.high


def test_a_story_is_told_once_and_a_sample_stands_for_many() -> None:
    one_story = ScoredArchive(tuple(ArchivedScore(date(2026, 1, 1), 7, at / 10) for at in range(10)), 2.0)
    assert intent.alerts_by_day(one_story, 1.0).total == 1
    assert intent.alerts_by_day(archive(-0.1, -0.2, weight=5), 0.7).total == 10
    assert len(intent.alerts_by_day(archive(days=4), 1.0).by_day) == 4


@given(
    st.floats(0.1, 900),
    st.lists(st.tuples(st.integers(0, 20), st.floats(-3, 3), st.floats(1, 500)), max_size=40),
    st.floats(1, 30),
)
def test_more_alerts_never_mean_a_stricter_threshold(
    a_day: float, rows: list[tuple[int, float, float]], days: float
) -> None:
    seen = ScoredArchive(
        tuple(ArchivedScore(date(2026, 1, 1), story, margin, weight) for story, margin, weight in rows), days
    )
    few, many = (intent._factor_for_alerts(each, seen).factor for each in (a_day, a_day * 2))
    assert MIN_FACTOR <= many <= few <= MAX_FACTOR


# --- precision at least P % -------------------------------------------------------------------------------------------


def test_precision_acts_like_precise_until_it_is_calibrated() -> None:
    setting = decide("precision at least 80 %", "ferry", ScoredArchive(), calibrate(drawn("ferry", 12)))
    assert setting.factor == 1.25
    assert setting.note == "acts like precise until it is calibrated (12 of the 20 verdicts it takes)"


def test_a_higher_precision_is_a_higher_threshold() -> None:
    odds = calibrate(drawn("ferry", 200, low=-0.5))
    factors = [decide(f"precision at least {each} %", "ferry", ScoredArchive(), odds).factor for each in (60, 75, 90)]
    assert factors == sorted(factors)
    assert factors[0] < factors[2]
    above = [each for each in odds.texts if each.margin >= math.log(factors[2])]
    assert sum(each.share for each in above) / len(above) > 0.8


def test_a_precision_out_of_reach_is_said() -> None:
    texts = tuple(LabelledText("ferry", at / 100, 0.5, 1.0, is_match=True) for at in range(100))
    odds = Calibration(Curve(offset=-3, slope=1.0), {"ferry": TopicCalibration(why_not="")}, texts=texts)
    setting = decide("precision at least 95 %", "ferry", ScoredArchive(), odds)
    assert setting.factor == MAX_FACTOR
    assert "precise at best" in setting.note


# --- in the whole -----------------------------------------------------------------------------------------------------


EVERYDAY = """said people new year government city police court company minister week school health country market report
    hospital team season match house money work family home game night plan election president law study water price weather
    travel music film road train food office leader public local party service group police week deal vote fire""".split()


def days_of_news(days: int, a_day: int, own_words: int = 14, noise_words: int = 30) -> list[Line]:
    """News of which some have more and some less to do with the bridge."""
    draw, words = random.Random(5), BRIDGE.replace(".", "").split()
    found = []
    for at in range(days * a_day):
        seen_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=at / a_day)
        own = draw.randint(0, own_words)
        names = ["".join(draw.choices("aeioulmnrst", k=7)) for _ in range(noise_words // 2)]
        noise = [*names, *draw.choices(EVERYDAY, k=noise_words - len(names))]
        draw.shuffle(noise)
        mixed = [*draw.sample(words, own), *noise]
        draw.shuffle(mixed)
        text = {"title": " ".join(noise[:6]), "text": " ".join(mixed)}
        found.append(Line(at, article(guid=str(at), url="", seen_at=seen_at, published_at=seen_at, **text)))
    return found


def told(sensitivity: str, lines: list[Line], *, after: int) -> float:
    topic = replace(TOPIC, sensitivity=sensitivity)
    by_day: Counter[date] = Counter()
    for each in backtest.replay(lines, build([topic], background=Background.shipped()), [topic]):
        by_day[each.line.article.seen_at.date()] += len(each.filed.decision.alerting_topics)
    last = max(by_day)
    days = [last - timedelta(days=back) for back in range((last - date(2026, 1, 1)).days - after + 1)]
    return sum(by_day[day] for day in days) / len(days)


def test_a_replay_tells_more_where_more_is_asked_for() -> None:
    lines = days_of_news(20, 40)
    few, many = (told(f"about {each} alerts a day", lines, after=10) for each in (1, 6))
    assert 0.2 < few < 2
    assert few < many < 10


def test_daemon_and_explain_agree_on_the_factor(db: Database) -> None:
    topic = replace(TOPIC, sensitivity="about 2 alerts a day")
    with db.writing() as session:
        topics.sync(session, [topic], now=datetime(2026, 1, 1, tzinfo=UTC))
        matcher = build([topic], background=Background.shipped())
        for line in days_of_news(5, 30):
            file(session, matcher, line.article, now=line.article.seen_at, max_age_for=None)
    with db.reading() as session:
        once, again = training.build_matcher(session, [topic]), training.build_matcher(session, [topic])
        setting, seen = training.applied_sensitivity(session, topic, [topic])
    assert once.model(topic.name).version == again.model(topic.name).version
    assert once.model(topic.name).factor == setting.factor != 1.0
    assert seen.days > 3


def test_a_new_topic_is_set_by_the_archive_at_once(db: Database) -> None:
    """It has no rows of its own yet, so the latest articles are scored."""
    with db.writing() as session:
        nobody = build([], background=Background.shipped())
        for line in days_of_news(5, 30):
            file(session, nobody, line.article, now=line.article.seen_at, max_age_for=None)
        topic = replace(TOPIC, sensitivity="about 2 alerts a day")
        topics.sync(session, [topic], now=datetime(2026, 1, 6, tzinfo=UTC))
    with db.reading() as session:
        setting, seen = training.applied_sensitivity(session, topic, [topic])
    assert seen.scores
    assert seen.days > 2
    assert setting.factor != 1.0


def test_topics_show_tells_what_each_sensitivity_costs(tmp_path: Path) -> None:
    desk = Operator(tmp_path)
    desk.follows(TOPIC.name, f"Marrow bridge piers cracked\n\n{BRIDGE}", toml='sensitivity = "about 2 alerts a day"\n')
    assert "after the first day of articles" in desk.run("topics", "show", TOPIC.name).stdout
    desk.store.parent.mkdir(exist_ok=True)
    db = Database(f"sqlite:///{desk.store}")
    migrate.upgrade(db)
    with db.writing() as session:
        matcher = build([TOPIC], background=Background.shipped())
        for line in days_of_news(5, 30):
            file(session, matcher, line.article, now=line.article.seen_at, max_age_for=None)
        topics.sync(session, [TOPIC], now=NOON)
    db.close()
    said = desk.run("topics", "show", TOPIC.name)
    assert said.exit_code == 0, said
    assert "about 2 alerts a day (in force)" in said.stdout
    costs = {each["sensitivity"]: each for each in desk.run("topics", "show", TOPIC.name, "--json").json["costs"]}
    assert costs["precise"]["a_day"] <= costs["balanced"]["a_day"] <= costs["broad"]["a_day"]
    assert costs["balanced"]["low"] <= costs["balanced"]["a_day"] <= costs["balanced"]["high"]
    assert costs["about 2 alerts a day (in force)"]["a_day"] == pytest.approx(2, abs=0.8)
    assert "no verdicts yet" in said.stdout
    assert "not enough judged yet" in said.stdout


def test_show_try_and_page_forecast_the_same_and_it_is_what_was_told(tmp_path: Path) -> None:
    """Nine days of news, told as they came; on the first day the feeds' backlog, told to nobody; some texts twice."""
    desk = Operator(tmp_path)
    desk.follows(TOPIC.name, f"Marrow bridge piers cracked\n\n{BRIDGE}", toml="")
    [topic] = load(desk.seeds).topics
    desk.store.parent.mkdir(exist_ok=True)
    db = Database(f"sqlite:///{desk.store}")
    migrate.upgrade(db)
    begin_at, alerts = datetime(2026, 1, 1, tzinfo=UTC), 0
    with db.writing() as session:
        topics.sync(session, [topic], now=begin_at)
        matcher = build([topic], background=Background.shipped())
        for line in days_of_news(1, 12, own_words=24, noise_words=9):
            old = replace(line.article, guid=f"old-{line.id}", seen_at=begin_at)
            file(session, matcher, old, now=begin_at, is_first_poll=True)
        for line in days_of_news(9, 12, own_words=24, noise_words=8)[12:]:
            made = file(session, matcher, line.article, now=line.article.seen_at)
            alerts += bool(made.decision.alerting_topics)
            copy = replace(line.article, guid=f"copy-{line.id}", url=f"https://copy.example/{line.id}")
            file(session, matcher, copy, now=line.article.seen_at)
    with db.reading() as session:
        [figures] = training.sensitivity_forecasts(session, Calibration())
    db.close()
    shown = {each["sensitivity"]: each for each in desk.run("topics", "show", TOPIC.name, "--json").json["costs"]}
    [tried] = desk.run("topics", "try", desk.seeds / TOPIC.name, "--json").json["trials"]
    assert alerts > 10
    assert figures.cost is not None
    found = figures.cost.rate
    assert found.alerts == alerts
    assert found.a_day == pytest.approx(alerts / 8.92, abs=0.01)
    assert shown["balanced (in force)"]["a_day"] == tried["alerts_a_day"]["mean"] == found.a_day
    assert shown["balanced (in force)"]["next_day"] == tried["next_day"]
    assert tried["next_day"]["high"] == found.next_day.high
    assert tried["is_in_force"]
    assert tried["costs"] == list(shown.values())


def test_an_intent_out_of_reach_is_said_wherever_one_looks(tmp_path: Path) -> None:
    desk = Operator(tmp_path)
    toml = 'sensitivity = "about 40 alerts a day"\n'
    desk.follows(TOPIC.name, f"Marrow bridge piers cracked\n\n{BRIDGE}", toml=toml)
    desk.store.parent.mkdir(exist_ok=True)
    db = Database(f"sqlite:///{desk.store}")
    migrate.upgrade(db)
    with db.writing() as session:
        asking = replace(TOPIC, sensitivity="about 40 alerts a day")
        topics.sync(session, [asking], now=datetime(2026, 1, 1, tzinfo=UTC))
        matcher = build([asking], background=Background.shipped())
        for line in days_of_news(5, 30):
            file(session, matcher, line.article, now=line.article.seen_at, max_age_for=None)
    with db.reading() as session:
        [found] = training.sensitivity_forecasts(session, Calibration())
    db.close()
    assert (found.topic, found.sensitivity) == (TOPIC.name, "about 40 alerts a day")
    assert found.cost is not None
    assert found.cost.rate.a_day < 20
    for said in (
        found.setting.note,
        desk.run("topics", "show", TOPIC.name).stdout,
        desk.run("topics", "check").stdout,
        desk.run("topics", "try", str(desk.seeds / TOPIC.name)).stdout,
    ):
        assert "cannot tell 40 a day: the lowest threshold gives about" in " ".join(said.split())
