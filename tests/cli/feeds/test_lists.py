"""`monitor feeds import` and `feeds export`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.command import Operator, desk
from tests.feeds.test_opml import feed, opml

__all__ = ["desk"]


@pytest.fixture
def file(desk: Operator) -> Path:
    desk.run("migrate")
    return desk.folder / "feeds.opml"


MIXED = opml(
    feed("https://a.example/rss", "A"),
    '<outline text="News">',
    feed("https://b.example/rss", "B", 'language="ps-AF"'),
    "</outline>",
    feed("http://a.example/rss/", "A again"),
    feed("javascript:alert(1)", "A script"),
    feed("ftp://c.example/rss", "C"),
    feed("https://user:pass@d.example/rss", "D"),
    feed("http://192.168.0.1/rss", "Inside"),
    feed("https://e.example/photo.jpg", "A picture"),
    '<outline text="A note"/>',
    feed("feed://f.example/rss", "F"),
    feed("https://a.example/sport", "Sport"),
)
VERDICTS = [
    ("A", "added", "a-example"),
    ("B", "added", "b-example"),
    ("A again", "twice in the file", None),
    ("A script", "not a feed address", None),
    ("C", "not a feed address", None),
    ("D", "not a feed address", None),
    ("Inside", "private address", None),
    ("A picture", "not a feed address", None),
    ("A note", "no feed address", None),
    ("F", "added", "f-example"),
    ("Sport", "added", "a-example-2"),
]


def test_each_outline_gets_its_verdict_and_a_second_import_changes_nothing(desk: Operator, file: Path) -> None:
    file.write_bytes(MIXED)
    dry = desk.run("feeds", "import", file, "--dry-run", "--json").lines
    assert desk.run("feeds", "list", "--json").lines == []
    said = desk.run("feeds", "import", file, "--json")
    assert said.exit_code == 0, said
    assert [(each["title"], each["verdict"], each["name"]) for each in said.lines] == VERDICTS
    assert said.lines == dry
    feeds = desk.run("feeds", "list", "--json").lines
    assert {each["name"]: (each["title"], each["language"], each["origin"]) for each in feeds} == {
        "a-example": ("A", None, "added"),
        "a-example-2": ("Sport", None, "added"),
        "b-example": ("B", "ps", "added"),
        "f-example": ("F", None, "added"),
    }
    again = desk.run("feeds", "import", file, "--json").lines
    assert {each["verdict"] for each in again} == {each[1] for each in VERDICTS} - {"added"} | {"already there"}
    assert desk.run("feeds", "list", "--json").lines == feeds


def test_what_is_said_to_people(desk: Operator, file: Path) -> None:
    file.write_bytes(MIXED)
    said = desk.run("feeds", "import", file).stdout
    assert 'line 5: added b-example, "B" in News' in said
    assert "line 9: not a feed address" in said
    assert "remove the part up to the '@'" in said
    assert said.endswith("4 added, 1 twice in the file, 1 no feed address, 4 not a feed address, 1 private address\n")
    desk.run("feeds", "pause", "b-example")
    assert "already there b-example" in (again := desk.run("feeds", "import", file).stdout)
    assert "it is paused: `monitor feeds resume b-example`" in again


def test_feeds_of_our_own_network_come_with_the_option_alone(desk: Operator, file: Path) -> None:
    file.write_bytes(opml(feed("http://localhost:8080/rss"), feed("http://[::1]/rss"), feed("https://a.example:22/")))
    assert {each["verdict"] for each in desk.run("feeds", "import", file, "--json").lines} == {"private address"}
    assert {each["verdict"] for each in desk.run("feeds", "import", file, "--allow-private", "--json").lines} == {
        "added"
    }


def test_feeds_of_a_network_that_the_settings_permit_are_added_and_are_there_the_next_time(
    desk: Operator, file: Path
) -> None:
    desk.adds('[fetch]\nallow_networks = ["192.168.0.0/24"]\n')
    file.write_bytes(opml(feed("http://192.168.0.1/rss", "Inside"), feed("http://192.168.7.1/rss", "Elsewhere")))
    verdicts = lambda: [each["verdict"] for each in desk.run("feeds", "import", file, "--json").lines]
    assert verdicts() == ["added", "private address"]
    assert verdicts() == ["already there", "private address"]


def test_a_file_that_cannot_be_read_is_2_and_adds_nothing(desk: Operator, file: Path) -> None:
    for document, says in (
        (b"<html/>", "no OPML"),
        (b"<!DOCTYPE opml [<!ENTITY x 'y'>]><opml/>", "entities"),
    ):
        file.write_bytes(document)
        said = desk.run("feeds", "import", file)
        assert (said.exit_code, says in said.stderr) == (2, True)
    assert desk.run("feeds", "import", desk.folder / "missing.opml").exit_code == 2
    assert desk.run("feeds", "list", "--json").lines == []


def test_what_is_exported_is_imported_elsewhere_without_secrets(desk: Operator, file: Path, tmp_path: Path) -> None:
    file.write_bytes(MIXED)
    desk.run("feeds", "import", file)
    desk.run("feeds", "add", "https://s.example/9f8e7d6c5b4a3210/rss", "--secret", "--unchecked", "--name", "hidden")
    desk.run("feeds", "add", "https://k.example/rss?api_key=9f8e7d6c5b4a3210", "--unchecked", "--name", "keyed")
    desk.run("feeds", "remove", "f-example")
    desk.run("feeds", "pause", "b-example")
    out = desk.folder / "out.opml"
    said = desk.run("feeds", "export", "--out", out)
    assert said.exit_code == 0, said
    assert "left out, as their addresses hold secrets: hidden, keyed" in said.stderr
    assert "9f8e7d6c5b4a3210" not in out.read_text() + said.stderr + said.stdout
    assert desk.run("feeds", "export").stdout.startswith(
        "<?xml version='1.0' encoding='UTF-8'?>\n<opml version=\"2.0\">"
    )
    (tmp_path / "other").mkdir()
    other = Operator(tmp_path / "other")
    other.run("migrate")
    other.run("feeds", "import", out)
    assert [(each["name"], each["title"]) for each in other.run("feeds", "list", "--json").lines] == [
        ("a-example", "A"),
        ("a-example-2", "Sport"),
        ("b-example", "B"),
    ]
