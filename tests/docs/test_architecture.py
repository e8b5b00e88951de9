"""docs/architecture.md draws the floors as the import contracts hold them, and its table of rooms names every module."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
COLUMNS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "monitor/store/tables").glob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = sorted(path.parent for path in (ROOT / "monitor").glob("*/**/__init__.py") if "migrations" not in path.parts)
ROW = re.compile(r"^\| \*\*([\w/]+)\*\* \|[^|]*\| ([^|]*) \|$", re.MULTILINE)
"""Of the table of rooms: the room, and its modules."""


def drawn() -> list[list[str]]:
    """The rows of the drawing, from the top: the rooms of each floor."""
    rows = re.findall(r"^ *\d+  (\w+(?: \| \w+)*)(?:  |$)", TEXT, re.MULTILINE)
    return [row.split(" | ") for row in rows]


def test_the_drawing_is_the_contract() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    assert drawn() == [layer.split(" | ") for layer in layers]


def test_every_room_has_a_floor_and_nothing_stands_outside_a_room() -> None:
    assert {path.name for path in (ROOT / "monitor").iterdir() if path.name != "__pycache__"} == {
        "__init__.py",
        "__main__.py",
        *(room for floor in drawn() for room in floor),
    }


def test_every_room_stands_in_the_contracts_on_databases_and_printing() -> None:
    contracts = {each["name"]: each for each in PROJECT["tool"]["importlinter"]["contracts"]}
    rooms = {f"monitor.{room}" for floor in drawn() for room in floor}
    (pure,) = (set(each["source_modules"]) for name, each in contracts.items() if name.startswith("Texts"))
    (tables,) = (set(each["source_modules"]) for name, each in contracts.items() if name.startswith("Tables"))
    (silent,) = (set(each["source_modules"]) for name, each in contracts.items() if name.startswith("Only the command"))
    assert pure | tables | {"monitor.store"} == rooms
    assert pure | silent | {"monitor.cli"} == rooms


def test_every_module_that_the_text_names_exists() -> None:
    named = {
        name
        for name in re.findall(r"`(\w+(?:[./]\w+)+)`", TEXT)
        if name.split(".")[0].split("/")[0] in {room for floor in drawn() for room in floor}
    }
    assert len(named) > 20
    missing = []
    for name in named:
        parts = re.split(r"[./]", name.removesuffix(".py"))
        path = ROOT / "monitor" / "/".join(parts)
        is_there = (ROOT / "monitor" / name).exists() or path.exists() or path.with_suffix(".py").exists()
        source = path.parent.with_suffix(".py")
        is_column = len(parts) == 2 and re.search(rf"^    {parts[1]}:", COLUMNS, re.MULTILINE)
        if (
            not is_there
            and not is_column
            and not (source.exists() and re.search(rf"(def|class) {parts[-1]}\b", source.read_text(encoding="utf-8")))
        ):
            missing.append(name)
    assert missing == []


def test_the_table_of_rooms_names_every_module() -> None:
    told = {room: set(re.findall(r"`(\w+)`", modules)) for room, modules in ROW.findall(TEXT)}
    there = {
        path.relative_to(ROOT / "monitor").as_posix(): {each.stem for each in path.glob("*.py")} - {"__init__"}
        for path in PACKAGES
    }
    assert told == there


def test_no_package_is_too_big_and_none_has_code_in_its_face() -> None:
    assert max(len(list(path.glob("*.py"))) for path in PACKAGES) <= 26
    assert [str(path) for path in PACKAGES if ast.parse((path / "__init__.py").read_text(encoding="utf-8")).body] == []


def test_tests_are_laid_out_as_the_rooms_are() -> None:
    """A folder of tests is a room, or is about the documents; what several need stands beside them."""
    rooms = {path.relative_to(ROOT / "monitor").as_posix() for path in PACKAGES}
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders <= rooms | {"docs"}
