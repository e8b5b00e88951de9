"""`matches` and `explain`: what a reviewer sees and says, on a store that a real poll filled."""

from __future__ import annotations

import csv
import io
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.polling.single import page_title
from monitor.review.exports import defused
from tests.fakes.command import HIT, MISS, SEED, Operator
from tests.fakes.site import Site, rss

EVIL = "=HYPERLINK(1) old bridge at Weir Landing: county council \x1b[31m engineers on the cracks in its piers"


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Site]]:
    """A desk whose feed was polled once: two hits and one article of no topic."""
    folder = tmp_path_factory.mktemp("polled")
    before = (
        datetime.now(UTC) - timedelta(hours=1)
    ).isoformat()  # the other hit tells the same event and joins its story
    with Site() as site:
        site.publishes(
            "/feed",
            rss(
                (HIT[0], "https://news.example/bridge", "g1", HIT[1], before),
                (MISS[0], "https://news.example/choir", "g2", MISS[1]),
                (EVIL, "https://news.example/evil", "g3", "The county engineer said the new bridge would cost less."),
            ),
        )
        made = Operator(folder)
        made.follows("bridge", SEED)
        made.reads("herald", site.url("/feed"))
        said = made.run("poll")
        assert said.exit_code == 0, said
        yield folder, site


@pytest.fixture
def desk(polled: tuple[Path, Site], tmp_path: Path) -> Operator:
    """A copy of it, for one test."""
    folder, site = polled
    made = Operator(tmp_path)
    made.follows("bridge", SEED)
    made.reads("herald", site.url("/feed"))
    made.store.parent.mkdir()
    for each in (folder / "data").glob("monitor.db*"):
        shutil.copy(each, made.store.parent)
    return made


def id_of(desk: Operator, title: str) -> int:
    return next(int(each["id"]) for each in desk.run("matches", "list", "--json").lines if each["title"] == title)


# --- list and show ----------------------------------------------------------------------------------------------------


def test_matches_are_listed_with_their_evidence(desk: Operator) -> None:
    hits = desk.run("matches", "list", "--json").lines
    assert len(hits) == 2
    hit = next(each for each in hits if each["title"] == HIT[0])
    assert (hit["topic"], hit["source"], hit["state"]) == ("bridge", "herald", "new")
    assert hit["score"] >= hit["threshold"]
    assert hit["terms"]
    assert hit["sentence"]
    assert desk.run("matches").stdout == desk.run("matches", "list").stdout
    assert HIT[0] in desk.run("matches").stdout


def test_u15_a_title_with_an_escape_is_harmless_in_the_list(desk: Operator) -> None:
    assert "\x1b" not in desk.run("matches").stdout


def test_matches_are_filtered(desk: Operator) -> None:
    def found(*options: str) -> int:
        return len(desk.run("matches", "list", "--json", *options).lines)

    assert found("--topic", "bridge") == 2
    assert found("--search", "lorries ferry") == 1
    assert found("--search", '"NOT ( OR *') == 0
    assert found("--source", "herald") == 2
    assert found("--since", "1h") == 2
    assert found("--since", "2999-01-01") == 0
    assert found("--state", "confirmed") == 0
    assert found("--limit", "1") == 1


def test_fault_page_6_a_source_is_known_by_its_name_and_by_the_title_that_lists_show(
    desk: Operator, tmp_path: Path
) -> None:
    (shown,) = {each["outlet"] for each in desk.run("matches", "list", "--json").lines}
    assert shown == "The Newspaper"
    for source in ("herald", "HERALD", "The Newspaper", " the newspaper "):
        assert len(desk.run("matches", "list", "--json", "--source", source).lines) == 2
        assert len(desk.run("matches", "export", "--source", source).lines) == 2


@pytest.mark.parametrize("command", [("matches", "list"), ("matches", "export")])
def test_fault_page_6_a_misspelt_source_is_refused_with_the_nearest(desk: Operator, command: tuple[str, str]) -> None:
    for source, nearest in (("heralt", "herald"), ("The Newspapers", "The Newspaper")):
        said = desk.run(*command, "--source", source)
        assert said.exit_code == 3
        assert f'did you mean "{nearest}"?' in said.stderr
    assert "`monitor feeds` lists them" in desk.run(*command, "--source", "qqq").stderr


def test_a_topic_that_is_not_there_is_3_with_the_nearest(desk: Operator) -> None:
    said = desk.run("matches", "list", "--topic", "brigde")
    assert said.exit_code == 3
    assert 'did you mean "bridge"?' in said.stderr


def test_a_wrong_date_is_2(desk: Operator) -> None:
    assert desk.run("matches", "list", "--since", "soon").exit_code == 2


def test_a_match_is_shown(desk: Operator) -> None:
    id = id_of(desk, HIT[0])
    assert desk.run("matches", "show", id, "--json").json["title"] == HIT[0]
    shown = desk.run("matches", "show", id).stdout
    assert "seed0.txt" in shown
    assert "monitor explain" in shown
    assert desk.run("matches", "show", 999).exit_code == 3
    assert desk.run("matches", "show", 10**30).exit_code == 2


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_confirm_and_dismiss_stand_until_the_next_verdict(desk: Operator) -> None:
    id = id_of(desk, HIT[0])
    assert f"confirmed {id}" in desk.run("matches", "confirm", id, "--note", "yes").stdout
    assert desk.run("matches", "show", id, "--json").json["state"] == "confirmed"
    assert desk.run("matches", "dismiss", id, "--note", "after all not").exit_code == 0
    assert desk.run("matches", "show", id, "--json").json["state"] == "dismissed"
    verdicts = desk.run("explain", _article(desk, id), "--json").json["verdicts"]
    assert [(each["is_relevant"], each["note"]) for each in verdicts] == [(True, "yes"), (False, "after all not")]
    assert "after all not" in desk.run("explain", _article(desk, id)).stdout


def test_d7_a_store_that_another_program_holds_is_4(desk: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.db.BUSY_MS", 50)
    id = id_of(desk, HIT[0])
    with closing(sqlite3.connect(desk.store)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = desk.run("matches", "confirm", id)
        assert said.exit_code == 4
        assert "another process" in said.stderr
        assert desk.run("matches", "show", id, "--json").json["state"] == "new", "reading goes on"
    assert desk.run("matches", "confirm", id).exit_code == 0


def test_an_unknown_match_is_3_and_the_others_are_judged(desk: Operator) -> None:
    id = id_of(desk, HIT[0])
    said = desk.run("matches", "confirm", 999, id)
    assert said.exit_code == 3
    assert "999" in said.stderr
    assert desk.run("matches", "show", id, "--json").json["state"] == "confirmed"


def _article(desk: Operator, id: int) -> int:
    return int(desk.run("matches", "show", id, "--json").json["article_id"])


# --- export -----------------------------------------------------------------------------------------------------------


def test_export_as_json_lines(desk: Operator, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    said = desk.run("matches", "export", "--out", out)
    assert said.exit_code == 0
    assert said.stdout == ""
    assert out.read_text().count("\n") == 2
    assert desk.run("matches", "export").lines == desk.run("matches", "list", "--json").lines


def test_u13_cells_of_a_csv_are_no_formulas(desk: Operator) -> None:
    rows = list(csv.DictReader(io.StringIO(desk.run("matches", "export", "--format", "csv").stdout)))
    assert len(rows) == 2
    evil = next(each for each in rows if "HYPERLINK" in each["title"])
    assert evil["title"].startswith("'=HYPERLINK")
    assert float(evil["score"]) > 0
    assert rows[0]["topic"] == "bridge"


@pytest.mark.parametrize(
    "cell",
    [
        "=1",
        "+1",
        "-1",
        "@x",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "＝1",
        "|x",
        ";=1",
        '"=1"',
        "\x00=1",
        "'=1",
        "\u200b=1",
        "\tx",
        "%0A",
    ],
)
def test_u13_what_a_spreadsheet_would_run_is_marked(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Talks", "a=1", "9-11", "«x»", "خبر", "“quoted”", '"quoted"'])
def test_u13_ordinary_cells_stay(cell: str) -> None:
    assert defused(cell) == cell


# --- explain ----------------------------------------------------------------------------------------------------------


def test_explain_tells_everything_of_a_stored_article(desk: Operator) -> None:
    record = desk.run("explain", "https://news.example/bridge?utm_source=x", "--json").json
    assert record["is_stored"]
    assert record["title"] == HIT[0]
    assert record["decision"] == "ALERTED"
    assert record["scores"][0]["topic"] == "bridge"
    assert record["feeds"] == ["herald"]
    shown = desk.run("explain", record["id"]).stdout
    assert "matched, and its story was new: alerted" in shown
    assert "on the review page only" in shown


def test_explain_tells_why_an_article_was_not_told(desk: Operator) -> None:
    shown = desk.run("explain", "https://news.example/choir").stdout
    assert "below the threshold of every topic" in shown
    assert "below" in shown


def test_explain_of_nothing_is_3(desk: Operator) -> None:
    assert desk.run("explain", 999).exit_code == 3
    assert desk.run("explain", "not an address").exit_code == 3
    assert desk.run("explain", "²").exit_code == 3


def test_an_address_never_seen_is_fetched_and_scored_but_not_stored(desk: Operator) -> None:
    paragraphs = "".join(f"<p>{HIT[1]} Part {number} of the report.</p>" for number in range(4))
    with Site() as site:
        page = f"<html><head><title>{HIT[0]}</title></head><body><article>{paragraphs}</article></body></html>"
        site.publishes("/page", page, content_type="text/html; charset=utf-8")
        desk.adds('[fetch]\nallow_networks = ["127.0.0.0/8"]\n')
        said = desk.run("explain", site.url("/page"), "--json")
        assert said.exit_code == 0, said
        assert "storing nothing" in said.stderr
        guess = said.json
        assert not guess["is_stored"]
        assert guess["title"] == HIT[0]
        assert guess["scores"][0]["topic"] == "bridge"
        assert guess["scores"][0]["matched"]
        assert guess["evidence"]["bridge"]["terms"]
        assert "fetched now and not stored" in desk.run("explain", site.url("/page")).stdout
    assert len(desk.run("matches", "list", "--json").lines) == 2


def test_an_unseen_consent_page_matches_nothing_whatever_its_title_says(desk: Operator) -> None:
    wall = "<p>We value your privacy. We and our partners use cookies. Accept all cookies or manage your choices to continue.</p>"
    with Site() as site:
        page = f"<html><head><title>{HIT[0]}</title></head><body>{wall}</body></html>"
        site.publishes("/page", page, content_type="text/html; charset=utf-8")
        desk.adds('[fetch]\nallow_networks = ["127.0.0.0/8"]\n')
        (score, *_) = desk.run("explain", site.url("/page"), "--json").json["scores"]
        assert (score["matched"], score["blocked"]) == (False, "WALL")
        assert "Nothing can match" in desk.run("explain", site.url("/page")).stdout


def test_r1_explain_refuses_private_addresses(desk: Operator) -> None:
    with Site() as site:
        said = desk.run("explain", site.url("/page"))
        assert said.exit_code == 3
        assert site.connections == 0


RUSSIAN = (
    "Талибы в Москве: «Московский формат»",
    "Делегация талибов прибыла в Москву для участия в консультациях московского формата по Афганистану, сообщили в министерстве. "
    "На встречу приехали посланники десяти стран, среди них соседи Афганистана, Китай и Индия.",
)


@pytest.mark.parametrize(
    ("charset", "media_type"), [("utf-8", "text/html"), ("windows-1251", "text/html; charset=windows-1251")]
)
def test_a_page_that_does_not_name_its_letters_itself_is_explained_as_it_reads(
    desk: Operator, charset: str, media_type: str
) -> None:
    desk.adds('[fetch]\nallow_networks = ["127.0.0.0/8"]\n')
    page = f"<title>{RUSSIAN[0]}</title><article><h1>{RUSSIAN[0]}</h1><p>{RUSSIAN[1]}</p></article>"
    with Site() as site:
        site.publishes("/ru", page.encode(charset), content_type=media_type)
        guess = desk.run("explain", site.url("/ru"), "--json").json
    assert (guess["title"], guess["language"]) == (RUSSIAN[0], "ru")
    assert "Делегация талибов" in guess["text"]


def test_a_page_under_a_title_of_the_site_is_still_its_own(desk: Operator) -> None:
    desk.adds('[fetch]\nallow_networks = ["127.0.0.0/8"]\n')
    with Site() as site:
        site.publishes(
            "/own", f"<title>Herald Online</title><article><p>{HIT[1]}</p></article>", content_type="text/html"
        )
        guess = desk.run("explain", site.url("/own"), "--json").json
    assert guess["title"] == "Herald Online"
    assert "voted to pull down" in guess["text"]


def test_what_is_no_page_is_not_explained_as_one(desk: Operator) -> None:
    desk.adds('[fetch]\nallow_networks = ["127.0.0.0/8"]\n')
    with Site() as site:
        site.publishes("/paper", b"%PDF-1.4", content_type="application/pdf")
        said = desk.run("explain", site.url("/paper"))
    assert said.exit_code == 3
    assert "application/pdf, not a web page" in said.stderr


def test_a_page_that_is_not_there_is_3(desk: Operator) -> None:
    desk.adds('[fetch]\nallow_networks = ["127.0.0.0/8"]\n')
    with Site() as site:
        site.answers("/gone", 404)
        said = desk.run("explain", site.url("/gone"))
    assert said.exit_code == 3
    assert "404" in said.stderr


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (b"<title>Site - A</title><h1>A</h1>", "A"),
        (b"<title>B</title><h1>x</h1><h1>y</h1>", "B"),
        (b"<meta property='og:title' content='C &amp; D'><h1>x</h1>", "C & D"),
        (b"", ""),
        (b"\x00\xff", ""),
    ],
)
def test_a_page_says_what_it_is_called(page: bytes, title: str) -> None:
    assert page_title(page) == title


# --- verdicts as seeds ------------------------------------------------------------------------------------------------


def test_a_confirmed_match_becomes_a_seed_file(desk: Operator) -> None:
    match = next(each for each in desk.run("matches", "list", "--json").lines if each["title"] == HIT[0])
    said = desk.run("matches", "confirm", match["id"], "--as-seed")
    assert said.exit_code == 0, said
    (written,) = (path for path in (desk.seeds / "bridge").glob("*.txt") if path.name != "seed0.txt")
    assert f"written: {written}" in said.stdout
    assert HIT[1] in written.read_text()
    assert "there already" in desk.run("matches", "confirm", match["id"], "--as-seed").stdout
    assert desk.run("topics", "show", "bridge", "--json").json["seeds"] == 2


def test_a_dismissed_match_becomes_a_counter_seed(desk: Operator) -> None:
    match = desk.run("matches", "list", "--json").lines[0]
    assert desk.run("matches", "dismiss", match["id"], "--as-seed").exit_code == 0
    assert len(list((desk.seeds / "bridge" / "not").glob("*.txt"))) == 1


def test_a_verdict_stands_where_its_seed_cannot_be_written(desk: Operator) -> None:
    match = desk.run("matches", "list", "--json").lines[0]
    shutil.rmtree(desk.seeds / "bridge")
    said = desk.run("matches", "confirm", match["id"], "--as-seed")
    assert said.exit_code == 1
    assert "the verdict is stored" in said.stderr
    assert "no such folder" in said.stderr
    assert desk.run("matches", "show", match["id"], "--json").json["state"] == "confirmed"


def test_a_verdict_tells_which_terms_it_moved(desk: Operator) -> None:
    match = next(each for each in desk.run("matches", "list", "--json").lines if each["title"] == HIT[0])
    said = desk.run("matches", "dismiss", match["id"])
    assert "now lighter: " in said.stdout
    shown = desk.run("matches", "show", match["id"], "--json").json
    assert shown["taught"]["lighter"]
    assert shown["taught"]["lighter"][0] in said.stdout
    assert said.stdout.splitlines()[1:] == desk.run("matches", "dismiss", match["id"]).stdout.splitlines()[1:]
    back = desk.run("matches", "confirm", match["id"])
    assert "now heavier: " in back.stdout
    assert set(shown["taught"]["lighter"]) & set(
        desk.run("matches", "show", match["id"], "--json").json["taught"]["heavier"]
    )
