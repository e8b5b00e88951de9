"""A topic.toml changed by page: what is not changed stays as it was written, and a faulty file is never made."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.topics.edit_toml import edit, edited
from monitor.topics.folders import TopicFolderError

WRITTEN = """# Mine.
title = "Floods"   # a few words
description = "Rivers that rise."

required = ["river"]
[seeds."a.txt"]
title = "A"
"""


def test_a_line_is_replaced_and_all_others_stay() -> None:
    assert edited(WRITTEN, {"description": 'Who "flees" — هرات'}) == WRITTEN.replace(
        '"Rivers that rise."', '"Who \\"flees\\" — هرات"'
    )


def test_a_new_key_stands_before_the_first_table() -> None:
    found = edited(WRITTEN, {"sensitivity": "broad", "description": None})
    assert "# Mine." in found
    assert tomllib.loads(found) == {
        "title": "Floods",
        "required": ["river"],
        "sensitivity": "broad",
        "seeds": {"a.txt": {"title": "A"}},
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        'title = """\nover\nlines"""\n',
        '"title" = "in quotes"\n',
        'description = "the title = of it"\ntitle = "x"',
        "required = [\n  'one',\n  'two',\n]\n[seeds.\"title.txt\"]\nweight = 2.0\n",
    ],
)
def test_whatever_the_file_looks_like_the_keys_are_set(text: str) -> None:
    found = tomllib.loads(edited(text, {"title": "New", "sensitivity": "precise"}))
    assert found == {**tomllib.loads(text), "title": "New", "sensitivity": "precise"}


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_a_title(title: str, description: str) -> None:
    found = tomllib.loads(edited(WRITTEN, {"title": title, "description": description}))
    assert (found["title"], found["description"]) == (title, description)


def test_what_changed_is_said_and_the_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "topic.toml"
    assert edit(file, {"title": "Floods"}) == ["title"]
    assert edit(file, {"title": "Floods"}) == []
    assert edit(file, {"title": None, "sensitivity": "broad"}) == ["title", "sensitivity"]
    assert file.read_text() == 'sensitivity = "broad"\n'
    assert [each.name for each in tmp_path.iterdir()] == ["topic.toml"]


def test_a_faulty_file_is_neither_changed_nor_made(tmp_path: Path) -> None:
    file = tmp_path / "topic.toml"
    file.write_text('title = "x"\n')
    with pytest.raises(TopicFolderError, match="sensitivity is 'loud'"):
        edit(file, {"sensitivity": "loud"})
    assert file.read_text() == 'title = "x"\n'
    file.write_text("title = unquoted\n")
    with pytest.raises(TopicFolderError, match="mend it by hand first"):
        edit(file, {"title": "x"})
