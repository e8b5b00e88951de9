"""`stories`: what is seen and said of events, on a store that a real poll filled."""

from __future__ import annotations

import pytest

from tests.cli.test_review import desk as desk  # the fixtures
from tests.cli.test_review import polled as polled
from tests.fakes.command import HIT, Operator


def test_stories_are_listed_and_shown(desk: Operator) -> None:
    (story,) = desk.run("stories", "list", "--json").lines
    assert (story["title"], story["articles"], story["state"]) == (HIT[0], 2, "emerging")
    assert desk.run("stories").stdout == desk.run("stories", "list").stdout
    assert HIT[0] in desk.run("stories").stdout
    shown = desk.run("stories", "show", str(story["id"]))
    assert "same event" in shown.stdout or "joins of" in shown.stdout
    assert "Decisions on this story" not in shown.stdout
    assert len(desk.run("stories", "show", str(story["id"]), "--json").json["articles"]) == 2


def test_a_split_is_undone_as_it_says(desk: Operator) -> None:
    (story,) = desk.run("stories", "list", "--json").lines
    ids = [each["article_id"] for each in desk.run("stories", "show", str(story["id"]), "--json").json["articles"]]
    said = desk.run("stories", "split", str(ids[-1]), "--note", "another bridge")
    assert said.exit_code == 0, said
    assert "split article" in said.stdout
    assert len(desk.run("stories", "list", "--json").lines) == 2
    undo = said.stderr.rpartition("undone by: monitor ")[2].split()
    assert desk.run(*undo).exit_code == 0
    assert "another bridge" in desk.run("stories", "show", str(story["id"])).stdout
    assert [each["id"] for each in desk.run("stories", "list", "--json").lines] == [story["id"]]
    alone = desk.run("stories", "split", str(ids[-1]))
    moved = desk.run("stories", "move", str(ids[-1]), "--to", str(story["id"]))
    assert (alone.exit_code, moved.exit_code) == (0, 0)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("show 99", 3, "there is no story 99"),
        ("merge 1 1", 2, "cannot be merged with itself"),
        ("merge 1 99", 3, "there is no story 99"),
        ("split 99", 3, "there is no article 99"),
        ("split 0", 2, "greater than or equal to 1"),
        ("split 99999999999", 2, "less than or equal to"),
        ("split x", 2, "valid integer"),
        ("move 1", 2, "--to"),
        ("move 1 --to 99", 3, "there is no story 99"),
        ("list --topic brigde", 3, 'did you mean "bridge"?'),
        ("list --state loud", 2, "emerging"),
    ],
)
def test_what_cannot_be_is_said(desk: Operator, command: str, code: int, words: str) -> None:
    said = desk.run("stories", *command.split())
    assert said.exit_code == code, said
    assert words in said.stderr


def test_the_time_line_is_shown_and_the_lead_says_why_it_leads(desk: Operator) -> None:
    story = desk.run("stories", "list", "--json").lines[-1]
    shown = desk.run("stories", "show", str(story["id"]))
    assert shown.exit_code == 0, shown
    assert "Time line" in shown.stdout
    assert ": the earliest" in shown.stdout
    said = desk.run("stories", "show", str(story["id"]), "--json").json
    assert said["lead_why"].startswith("the earliest")
    (first, *_) = said["timeline"]
    assert (first["article_id"], first["added"]) == (story["lead_article_id"], [])
    assert {"publisher", "title", "at", "copies", "also_carried_by", "sentence"} <= {*first}
