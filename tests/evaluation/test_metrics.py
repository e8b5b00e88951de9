"""Quality figures of topics come with their uncertainty, or with the reason why there are none yet."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlmodel import Session, col, select

from monitor.evaluation import metrics
from monitor.evaluation.labelled_metrics import read_labels
from monitor.evaluation.plot import reliability_plot
from monitor.evaluation.recall import Band, estimate
from monitor.matching import near_misses as sampling
from monitor.matching.reliability import Forecast, measure
from monitor.matching.tuning import ASK_AT_RANDOM_FROM
from monitor.review import near_misses as misses
from monitor.store import migrate, near_misses, topics
from monitor.store.db import Database
from monitor.store.tables.matches import MatchRow, NearMissCountRow, NearMissRow, VerdictRow
from monitor.types.matching import Score
from tests.conftest import NOON
from tests.fakes.command import HIT, MISS, SEED, Operator
from tests.matching.test_near_misses import other
from tests.store.test_contract import TOPIC, file, matcher  # noqa: F401 - a fixture

# --- recall -----------------------------------------------------------------------------------------------------------


def band(came: int, kept: int, judged: int, wanted: int, weight: float = 1.0) -> Band:
    return Band(came, kept, tuple((weight, at < wanted) for at in range(judged)))


def test_recall_is_found_over_found_and_missed() -> None:
    found = estimate(100, 50, 45.0, [band(200, 20, 20, 1, 10.0), band(20, 10, 10, 5, 2.0)])
    assert found.value == pytest.approx(90 / (90 + 10 + 10))
    assert found.low < found.value < found.high  # type: ignore[operator]
    assert found.missed == pytest.approx(20)
    assert estimate(100, 50, 45.0, [band(200, 20, 20, 1, 10.0)]) == estimate(
        100, 50, 45.0, [band(200, 20, 20, 1, 10.0)]
    )


@pytest.mark.parametrize(
    ("judged", "bands", "said"),
    [
        (3, [band(9, 9, 9, 0)], "not enough judged yet: 3 of 10 matches"),
        (10, [band(50, 20, 4, 0)], "not enough judged yet: 4 of 10 near misses"),
        (
            10,
            [band(50, 20, 0, 0), band(50, 20, 12, 0)],
            "not enough judged yet: near misses further from the threshold",
        ),
    ],
)
def test_too_few_verdicts_give_no_recall(judged: int, bands: Sequence[Band], said: str) -> None:
    found = estimate(10, judged, judged, bands)
    assert found.value is None
    assert found.why_not.startswith(said)


def test_nothing_missed_is_not_taken_for_certain() -> None:
    found = estimate(50, 50, 50, [band(1000, 20, 20, 0, 50.0)])
    assert found.value == 1
    assert found.low < 0.95
    assert estimate(20, 20, 0, [band(5, 5, 5, 0)]).why_not.startswith("nothing wanted")


def test_a_topic_with_few_near_misses_needs_only_those() -> None:
    assert estimate(50, 20, 18, [band(3, 3, 3, 1)]).value is not None


def test_the_interval_holds_the_truth() -> None:
    """Recall is .75; of 200 samples drawn as the monitor draws them, nearly all intervals hold it."""
    draw, held = random.Random(4), 0
    for _ in range(200):
        kept = [(20.0, draw.random() < 0.02) for _ in range(30)] + [(4.0, draw.random() < 0.2) for _ in range(30)]
        bands = [Band(600, 30, tuple(kept[:30])), Band(120, 30, tuple(kept[30:]))]
        right = sum(draw.random() < 0.9 for _ in range(40))
        found = estimate(120, 40, right, bands)
        held += found.low <= 0.75 <= found.high
    assert held > 180


# --- by verdicts ------------------------------------------------------------------------------------------------------


def fill(session: Session, *, matches: int, near_ones: int, wrong: int = 5) -> None:
    """Store a topic with so many judged matches, and so many judged near misses."""
    topics.sync(session, [TOPIC], now=NOON)
    from monitor.matching.background import Background
    from monitor.matching.matcher import build

    model = build([TOPIC], background=Background.shipped())
    for at in range(matches + near_ones):
        one = other(at)
        filed = file(session, model, one, now=NOON)
        if at < matches:
            session.add(
                MatchRow(
                    article_id=filed.article_id,
                    story_id=filed.story_id,
                    topic=TOPIC.name,
                    score=0.21 + at / 100,
                    threshold=0.2,
                    reason="ALERTED",
                    created_at=NOON,
                    is_relevant=at >= wrong,
                    reviewed_at=NOON,
                )
            )
        else:
            score = Score(topic=TOPIC.name, score=0.12 + at % 8 / 100, threshold=0.2, is_match=False)
            near_misses.add(
                session,
                filed.article_id,
                filed.story_id,
                one.url,
                one.title,
                sampling.from_scores([score]),
                now=NOON,
            )
    for each in misses.list_near_misses(session, limit=1000):
        misses.judge(session, each.id, is_relevant=each.score > 0.18, by="me", now=NOON)


def test_an_empty_store_has_no_figures(db: Database) -> None:
    with db.reading() as session:
        found = metrics.by_verdicts(session)
    assert found.topics == ()
    assert found.overall.reliability is None
    assert found.overall.precision.share is None


def test_a_topic_without_verdicts_says_so(db: Database) -> None:
    with db.writing() as session:
        topics.sync(session, [TOPIC], now=NOON)
    with db.reading() as session:
        (one,) = metrics.by_verdicts(session).topics
    assert one.precision.share is None
    assert one.false_alerts_a_day is None
    assert one.recall.why_not == "not enough judged yet: 0 of 10 matches"
    assert one.not_calibrated == "no verdicts yet"


def test_verdicts_give_precision_recall_and_reliability(db: Database) -> None:
    with db.writing() as session:
        fill(session, matches=40, near_ones=40)
    with db.reading() as session:
        (one,) = metrics.by_verdicts(session, topic=TOPIC.name).topics
    assert (one.matches, one.precision.judged, one.precision.right) == (40, 40, 35)
    assert one.precision.low < 35 / 40 < one.precision.high
    assert one.not_calibrated == ""
    assert one.reliability is not None
    assert one.recall.value is not None
    assert 0.5 < one.recall.value < 1


def test_precision_is_that_of_all_matches_where_the_doubtful_ones_were_judged_first(db: Database) -> None:
    with db.writing() as session:
        fill(session, matches=40, near_ones=0)
        for row in session.exec(select(MatchRow).where(col(MatchRow.score) > 0.305)):
            if round(row.score * 100) % 6:
                row.is_relevant = None
                session.add(row)
    with db.reading() as session:
        (one,) = metrics.by_verdicts(session, topic=TOPIC.name).topics
    assert (one.precision.right, one.precision.judged) == (10, 15)
    assert one.precision.share == pytest.approx(35 / 40, abs=0.04)
    assert one.precision.low < 35 / 40 < one.precision.high


def test_recall_is_not_moved_by_verdicts_on_what_was_asked_about_for_what_it_teaches(db: Database) -> None:
    """A fourth of 400 near misses is wanted. Those that were drawn were all judged, of the others, and first of all,
    only what is wanted."""
    with db.writing() as session:
        fill(session, matches=200, near_ones=0)
        session.add(NearMissCountRow(topic=TOPIC.name, day="2026-01-05", band=2, seen=400))
        numbers = [match.article_id for match in session.exec(select(MatchRow))]
        first = [each for each in numbers if sampling.is_asked_at_random(each)][:ASK_AT_RANDOM_FROM]
        for number in [*first, *numbers]:
            session.add(VerdictRow(article_id=number, topic=TOPIC.name, is_relevant=True, by="ada", at=NOON))
        session.flush()
        for match in session.exec(select(MatchRow)).all():
            is_wanted = match.article_id % 4 == 0 or match.article_id in first
            is_judged = is_wanted or sampling.is_asked_at_random(match.article_id)
            session.add(
                NearMissRow(
                    article_id=match.article_id,
                    story_id=match.story_id,
                    topic=TOPIC.name,
                    band=2,
                    share=0.5,
                    score=0.19,
                    threshold=0.2,
                    created_at=NOON,
                    is_relevant=is_wanted if is_judged else None,
                )
            )
    with db.reading() as session:
        (one,) = metrics.by_verdicts(session, topic=TOPIC.name).topics
        judged = [each.is_relevant for each in near_misses.samples(session)[TOPIC.name] if each.is_relevant is not None]
    assert sum(judged) / len(judged) > 0.4, "of all that was judged"
    assert one.recall.missed == pytest.approx(400 / 4, rel=0.35)


@pytest.mark.parametrize("wrong", [0, 40])
def test_all_confirmed_or_all_dismissed_is_told(db: Database, wrong: int) -> None:
    with db.writing() as session:
        fill(session, matches=40, near_ones=0, wrong=wrong)
    with db.reading() as session:
        found = metrics.by_verdicts(session)
    assert found.topics[0].precision.share == (wrong == 0)
    assert "it takes 3 of each kind" in found.topics[0].not_calibrated


def test_scores_that_are_no_numbers_are_left_out_and_said(db: Database) -> None:
    with db.writing() as session:
        fill(session, matches=30, near_ones=12)
        session.flush()
        row = session.get_one(MatchRow, 1)
        row.threshold = -3.0
        broken = session.get_one(NearMissRow, 1)
        broken.share = 0.0
    with db.reading() as session:
        found = metrics.by_verdicts(session)
    assert found.left_out == 2


# --- the plot ---------------------------------------------------------------------------------------------------------


def test_the_plot_is_well_formed_with_a_dot_for_each_bin() -> None:
    draw = random.Random(0)
    odds = [draw.random() for _ in range(300)]
    found = measure([Forecast(each, float(draw.random() < each)) for each in odds])
    drawn = ElementTree.fromstring(reliability_plot(found, 'A & "B" <c>'))
    assert len([each for each in drawn.iter() if each.tag.endswith("circle")]) == 10
    assert "300 verdicts" in "".join(drawn.itertext())
    assert "not enough judged yet" in reliability_plot(None, "x")
    assert "style" not in reliability_plot(found, "x")


# --- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"topic": "a", "relevant": true}', 'needs an "id"'),
        ('{"id": true, "topic": "a", "relevant": true}', 'needs an "id"'),
        ('{"id": 1, "topic": "b", "relevant": true}', "there is no topic 'b' among the seeds (a)"),
        ('{"id": 1, "topic": null, "relevant": true}', 'needs a "topic"'),
        ('{"id": 1, "topic": "a", "relevant": "yes"}', '"relevant" must be true or false'),
        ('{"id": 0, "topic": "a", "relevant": false}', "labelled otherwise"),
    ],
)
def test_a_bad_label_is_named_and_skipped(line: str, said: str) -> None:
    bad: list[tuple[int, str]] = []
    lines = ['{"id": 0, "topic": "a", "relevant": true}', "", line]
    found = read_labels(lines, ["a"], on_bad=lambda number, why: bad.append((number, why)))
    assert found == {("0", "a"): True}
    assert len(bad) == 1
    assert bad[0][0] == 3
    assert said in bad[0][1] or said == "not JSON"


@pytest.fixture
def desk(tmp_path: Path) -> Operator:
    made = Operator(tmp_path)
    made.follows("bridge", SEED)
    return made


def labelled(desk: Operator, *labels: object) -> tuple[str, ...]:
    articles = [
        {"id": 1, "title": HIT[0], "text": HIT[1], "published": "2026-01-01T00:00:00Z"},
        {"id": 2, "title": MISS[0], "text": MISS[1], "published": "2026-01-03T00:00:00Z"},
    ]
    (desk.folder / "articles.jsonl").write_text("\n".join(map(json.dumps, articles)) + "\nnonsense\n")
    (desk.folder / "labels.jsonl").write_text(
        "\n".join(each if isinstance(each, str) else json.dumps(each) for each in labels)
    )
    return (
        "evaluate",
        "--articles",
        str(desk.folder / "articles.jsonl"),
        "--labels",
        str(desk.folder / "labels.jsonl"),
    )


def test_labels_of_ones_own_give_precision_and_recall(desk: Operator) -> None:
    asked = labelled(desk, {"id": 1, "topic": "bridge", "relevant": True}, {"id": 2, "topic": "nope", "relevant": True})
    said = desk.run(*asked, "--closed", "--json")
    assert said.exit_code == 0, said
    assert "articles.jsonl:3: skipped" in said.stderr
    assert "labels.jsonl:2: skipped: there is no topic 'nope'" in said.stderr
    (one,) = said.json["topics"]
    assert (one["precision"], one["recall"], one["f1"], one["average_precision"]) == (1, 1, 1, 1)
    assert (one["labelled"], one["false_alerts_a_day"], said.json["days"]) == (2, 0, 2)
    assert said.json["reliability"] is None
    assert "mean" in desk.run(*asked).stdout


def test_labels_of_articles_that_are_not_there_are_counted_and_named(desk: Operator) -> None:
    known = {"id": 1, "topic": "bridge", "relevant": True}
    strange = [{"id": f"x{at}", "topic": "bridge", "relevant": True} for at in range(7)]
    asked = labelled(desk, known, *strange)
    for said in (desk.run(*asked), desk.run(*asked, "--closed"), desk.run(*asked, "--json")):
        assert said.exit_code == 0, said
        assert (
            f"7 ids of {desk.folder}/labels.jsonl are not in {desk.folder}/articles.jsonl: x0, x1, x2, x3, x4, …"
            in said.stderr
        )
    assert desk.run(*asked, "--json").json["unknown_ids"] == [f"x{at}" for at in range(7)]
    none = desk.run(*labelled(desk, *strange))
    assert (none.exit_code, "an article has the same id in both files" in none.stderr) == (2, True)
    assert "not in" not in desk.run(*labelled(desk, known)).stderr


@pytest.mark.parametrize("option", ["--labels", "--articles"])
def test_a_file_of_another_kind_is_told_in_a_few_lines(desk: Operator, option: str) -> None:
    asked = list(labelled(desk, {"id": 1, "topic": "bridge", "relevant": True}))
    other = desk.folder / "picture.png"
    other.write_bytes(bytes(range(256)) * 400)
    asked[asked.index(option) + 1] = str(other)
    said = desk.run(*asked)
    assert said.exit_code == 2
    assert len(said.stderr.splitlines()) < 20
    assert f"{other}: 391 more lines were skipped" in said.stderr
    assert "that can be used" in said.stderr
    asked[asked.index(option) + 1] = str(desk.folder)
    assert f"it is a folder; {option} names a file" in desk.run(*asked).stderr


def test_unlabelled_articles_count_only_when_closed(desk: Operator) -> None:
    asked = labelled(desk, {"id": 2, "topic": "bridge", "relevant": False})
    assert desk.run(*asked, "--json").json["topics"][0]["matches"] == 0
    closed = desk.run(*asked, "--closed", "--json").json["topics"][0]
    assert (closed["matches"], closed["precision"], closed["false_alerts"], closed["recall"]) == (1, 0, 1, None)


def test_options_that_do_not_belong_together_are_named(desk: Operator) -> None:
    assert "belong together" in desk.run("evaluate", "--labels", "x").stderr
    assert "are for labels" in desk.run("evaluate", "--closed").stderr
    missing = desk.run("evaluate", "--labels", "nowhere", "--articles", "nowhere")
    assert (missing.exit_code, "no such file" in missing.stderr) == (2, True)
    assert desk.run(*labelled(desk, "{}")).exit_code == 2
    assert desk.run("evaluate").exit_code == 3


def test_evaluate_on_a_store_prints_and_plots(desk: Operator) -> None:
    desk.store.parent.mkdir(exist_ok=True)
    db = Database(f"sqlite:///{desk.store}")
    migrate.upgrade(db)
    with db.writing() as session:
        fill(session, matches=40, near_ones=40)
    db.close()
    plot = desk.folder / "plot.svg"
    said = desk.run("evaluate", "--topic", TOPIC.name, "--plot", str(plot))
    assert said.exit_code == 0, said
    assert "88% (74-95%)" in said.stdout
    assert "calibration error" in said.stdout
    ElementTree.fromstring(plot.read_text())
    assert desk.run("evaluate", "--json").json["overall"]["precision"]["judged"] == 40
    assert "percentages (topics left out): not enough judged yet" in desk.run("evaluate").stdout
    assert desk.run("evaluate", "--topic", "nope").exit_code == 3
