"""Share, margin and their inverse: one formula for whatever compares a score with its threshold."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from monitor.matching.margins import margin, share, threshold_at
from monitor.matching.self_training import weight
from monitor.matching.tuning import MAX_MARGIN, SELF_TRAINING_FULL_FROM
from monitor.types.matching import Score
from tests.fakes.command import MISS, SEED, Operator, desk

__all__ = ["desk"]


@pytest.mark.parametrize("threshold", [0.0, 0.003, 0.18, 0.6])
@pytest.mark.parametrize("factor", [0.6, 1.0, 1.25, 2.0])
def test_the_threshold_at_a_factor_is_the_score_that_reaches_it(threshold: float, factor: float) -> None:
    assert share(threshold_at(threshold, factor), threshold) == pytest.approx(factor)
    assert margin(threshold_at(threshold, factor), threshold) == pytest.approx(math.log(factor))


def test_a_factor_gives_the_share_of_the_balanced_threshold() -> None:
    bent = threshold_at(0.2, 1.25)
    assert share(0.17, bent, 1.25) == pytest.approx(share(0.17, 0.2))
    assert margin(0.17, bent, 1.25) == pytest.approx(margin(0.17, 0.2))


def test_one_at_the_threshold_and_no_infinity_near_zero() -> None:
    assert share(0.2, 0.2) == 1.0
    assert share(0.0, 0.0) == 1.0
    assert share(0.05, -0.01) == pytest.approx(6)
    assert share(-0.02, 0.2) < 0
    assert margin(-0.02, 0.2) == -MAX_MARGIN
    assert math.isnan(margin(0.2, -0.01))


def test_full_self_training_is_decided_by_the_same_share() -> None:
    score = Score(topic="a", score=threshold_at(0.2, SELF_TRAINING_FULL_FROM + 0.001), threshold=0.2, is_match=True)
    assert weight(share(score.score, score.threshold)) == 1.0


def test_try_and_diff_print_one_percentage_for_one_article(desk: Operator, tmp_path: Path) -> None:
    drafts = {name: tmp_path / "drafts" / name for name in ("weir", "choir")}
    for folder, text in zip(drafts.values(), (SEED, "\n\n".join(MISS)), strict=True):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text(text)
    news = tmp_path / "news.jsonl"
    told_otherwise = " ".join(sorted(MISS[1].split()))  # the same words, and no copy of the seed
    article = {"id": 7, "title": MISS[0], "text": f"{told_otherwise} The old bridge is shut.", "source": "herald"}
    news.write_text(json.dumps(article | {"published": "2026-09-01T08:00:00Z"}) + "\n")
    tried = {
        name: desk.run("topics", "try", folder, "--articles", news, "--json").json["trials"][0]
        for name, folder in drafts.items()
    }
    compared = ("topics", "diff", drafts["weir"], drafts["choir"], "--articles", news)
    (gained,) = desk.run(*compared, "--json").json["gained"]
    (below,), (above,) = tried["weir"]["below"], tried["choir"]["above"]
    assert 0 < below["part"] < 1 < above["part"]
    assert (gained["before"], gained["after"]) == (below["part"], above["part"])
    assert f"{below['part']:.0%} (" in desk.run("topics", "try", drafts["weir"], "--articles", news).stdout
    shown = desk.run(*compared).stdout
    assert f"{below['part']:.0%}" in shown
    assert f"{above['part']:.0%}" in shown
