"""`monitor topics new`: a topic of a sentence, of articles that are fetched or copied, or of both; made whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.topics import seeds
from tests.fakes.command import HIT, SEED, Operator, desk
from tests.fakes.site import Site, rss

__all__ = ["desk"]

SENTENCE = "Bridges that are pulled down or built, and what engineers find in them."
ALLOWED = '[fetch]\nallow_networks = ["127.0.0.0/8"]\n'


def page(title: str, *paragraphs: str) -> str:
    body = "".join(f"<p>{each}</p>" for each in paragraphs)
    return f"<html><head><title>{title}</title></head><body><article>{body}</article></body></html>"


def made(desk: Operator) -> set[str]:
    """The folders of topics, hidden ones too."""
    return {each.name for each in desk.seeds.iterdir()}


def test_a_sentence_alone_is_a_topic(desk: Operator) -> None:
    said = desk.run("topics", "new", "spans", "--title", 'Bridges "old" and new', "--description", SENTENCE)
    assert said.exit_code == 0, said
    assert "monitor topics try" in said.stdout
    (topic,) = seeds.load_one(desk.seeds / "spans").topics
    assert (topic.title, topic.description, topic.seeds) == ('Bridges "old" and new', SENTENCE, ())
    checked = desk.run("topics", "check")
    assert checked.exit_code == 0
    assert "has no example, only its sentence" in checked.stdout
    shown = desk.run("topics", "show", "spans").stdout
    assert SENTENCE.split(",")[0] in " ".join(shown.split())


def test_a_topic_of_a_sentence_alone_matches(desk: Operator) -> None:
    assert desk.run("topics", "new", "spans", "--description", SEED.replace("\n", " ")).exit_code == 0
    with Site() as site:
        site.publishes("/feed", rss((HIT[0], "https://n.example/1", "g1", HIT[1])))
        desk.reads("herald", site.url("/feed"))
        assert desk.run("poll").exit_code == 0
    (match,) = desk.run("matches", "list", "--topic", "spans", "--json").lines
    shown = desk.run("matches", "show", match["id"]).stdout
    assert "words that decided" in shown
    assert "key sentence" in shown
    named = [term for term, _ in match["terms"]]
    assert not {"the", "to", "by", "of", "a"} & set(named)


def test_articles_are_fetched_and_files_are_copied(desk: Operator, tmp_path: Path) -> None:
    saved = tmp_path / "saved.md"
    saved.write_text(f"# A saved article\n\n{HIT[1]}")
    with Site() as site:
        paragraphs = [f"{HIT[1]} Part {number} of the report." for number in range(4)]
        site.publishes("/page", page(HIT[0], *paragraphs), content_type="text/html; charset=utf-8")
        desk.adds(ALLOWED)
        said = desk.run("topics", "new", "spans", "--description", SENTENCE, site.url("/page"), saved, "--json")
    assert said.exit_code == 0, said
    (topic,) = seeds.load_one(desk.seeds / "spans").topics
    assert sorted(each.title for each in topic.seeds) == sorted((HIT[0], "A saved article"))
    assert said.json["seeds"] == [each.file for each in topic.seeds]
    assert [each for each in said.json["advice"] if "its title is one word" in each] == said.json["advice"]
    assert topic.title == "Spans"
    fetched = next(each for each in topic.seeds if each.title == HIT[0])
    assert "Part 3 of the report" in fetched.text
    assert "/page" not in fetched.text


def test_a_name_that_is_taken_is_refused(desk: Operator) -> None:
    before = (desk.seeds / "bridge" / "seed0.txt").read_text()
    said = desk.run("topics", "new", "bridge", "--description", SENTENCE)
    assert said.exit_code == 2
    assert "is there already" in said.stderr
    assert [each.name for each in (desk.seeds / "bridge").iterdir()] == ["seed0.txt"]
    assert (desk.seeds / "bridge" / "seed0.txt").read_text() == before


def test_the_name_of_a_topic_that_only_the_store_knows_is_refused(desk: Operator) -> None:
    with Site() as site:
        site.publishes("/feed", rss((HIT[0], "https://n.example/1", "g1", HIT[1])))
        desk.reads("herald", site.url("/feed"))
        assert desk.run("poll").exit_code == 0
    assert desk.run("topics", "remove", "bridge").exit_code == 0
    said = desk.run("topics", "new", "bridge", "--description", SENTENCE)
    assert said.exit_code == 2
    assert "there is, or was, a topic" in said.stderr


@pytest.mark.parametrize("name", ["../elsewhere", ".hidden", "a/b", "_draft", " "])
def test_a_name_that_is_no_folder_is_refused(desk: Operator, name: str) -> None:
    assert desk.run("topics", "new", name, "--description", SENTENCE).exit_code == 2
    assert made(desk) == {"bridge"}


def test_nothing_to_look_for_is_refused(desk: Operator) -> None:
    said = desk.run("topics", "new", "spans", "--title", "Bridges old and new")
    assert said.exit_code == 2
    assert "--description" in said.stderr
    assert made(desk) == {"bridge"}


def test_where_one_article_cannot_be_read_nothing_is_made(desk: Operator, tmp_path: Path) -> None:
    wall = page(
        "Before you go on", "We value your privacy. We and our partners use cookies. Accept all cookies to continue."
    )
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n")
    with Site() as site:
        site.publishes("/wall", wall, content_type="text/html; charset=utf-8")
        site.publishes("/pdf", "%PDF-1.4", content_type="application/pdf")
        refused = desk.run("topics", "new", "spans", site.url("/wall"))
        assert refused.exit_code == 3, "the address policy holds: it is a private address"
        desk.adds(ALLOWED)
        for path in ("/wall", "/pdf", "/gone"):
            said = desk.run("topics", "new", "spans", "--description", SENTENCE, site.url(path))
            assert said.exit_code == 3, said
            assert site.url(path) in said.stderr
            assert "nothing was made" in said.stderr
    for file, code in ((empty, 2), (tmp_path / "none.txt", 2), (desk.config, 2)):
        assert desk.run("topics", "new", "spans", "--description", SENTENCE, file).exit_code == code
    assert made(desk) == {"bridge"}


def test_two_files_of_one_name_are_refused(desk: Operator, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(f"{folder}: {HIT[1]}")
    said = desk.run("topics", "new", "spans", tmp_path / "one/a.txt", tmp_path / "two/a.txt")
    assert said.exit_code == 2
    assert "has this name" in said.stderr
    assert made(desk) == {"bridge"}


def test_a_sentence_that_says_what_is_not_wanted_is_made_with_a_warning(desk: Operator) -> None:
    said = desk.run("topics", "new", "spans", "--description", "Bridges that fall, but not bridges in films.")
    assert said.exit_code == 0
    assert "negation is not understood" in said.stdout


def test_where_no_topic_can_match_a_feed_check_and_doctor_say_so(desk: Operator) -> None:
    desk.adds('[embedding]\nembedder = "none"\n[feeds.dawn-urdu]\nurl = "https://dawn.example/feed"\nlanguage = "ur"\n')
    assert "no topic can match what dawn-urdu publishes in Urdu" in desk.run("check").stderr
    assert "no topic can match what dawn-urdu publishes in Urdu" in desk.run("doctor").stdout
    assert desk.run("topics", "new", "spans", "--description", "پل جو گرائے جاتے ہیں اور ان کی خبریں۔").exit_code == 0
    assert "no topic can match" not in desk.run("check").stderr
