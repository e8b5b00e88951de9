"""The documents keep up with the code: every case that is named is explained."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = next(each for each in Path(__file__).resolve().parents if (each / "docs" / "cases.md").exists())
CASES = ROOT / "docs" / "cases.md"
_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
_CODE = re.compile(r"(?<![\w\\%./&-])[FXWSEAKDRUC][1-9]\d?(?!\w)")


def rows() -> dict[str, tuple[str, str, list[str]]]:
    """Code -> what the world does, what the monitor does, where it is tested."""
    found = _ROW.findall(CASES.read_text())
    assert len({code for code, *_ in found}) == len(found), "no code has two rows"
    return {code: (world, monitor, re.findall(r"`([^`]+)`", files)) for code, world, monitor, files in found}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def told(file: Path) -> Iterator[str]:
    """Every comment and every text of a module."""
    with file.open("rb") as lines:
        for token in tokenize.tokenize(lines.readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield token.string


def test_every_case_has_its_row() -> None:
    assert len(rows()) == 135
    assert all(world and monitor for world, monitor, _ in rows().values())


def test_every_case_that_names_a_test_is_explained() -> None:
    named = {
        code.upper()
        for file in files("tests")
        for codes in re.findall(r"def test_((?:[a-z]\d+_)+)", file.read_text())
        for code in codes.strip("_").split("_")
    }
    assert len(named) > 100
    assert named <= rows().keys()


@pytest.mark.parametrize("folder", ["monitor", "bench"])
def test_every_case_that_a_comment_names_is_explained(folder: str) -> None:
    named = {code for file in files(folder) for text in told(file) for code in _CODE.findall(text)}
    assert named
    assert named <= rows().keys()


def test_the_files_named_beside_the_cases_exist() -> None:
    there = {
        *(file.relative_to(ROOT / "tests").as_posix() for file in files("tests")),
        *(file.name for file in files("bench")),
    }
    named = {file for *_, tests in rows().values() for file in tests}
    assert len(named) > 30
    assert named <= there
