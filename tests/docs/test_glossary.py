"""docs/glossary.md is the vocabulary: its retired words stand in no name, heading, help text or setting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from monitor.cli.main import app
from monitor.config.settings import Settings

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
RETIRED = re.findall(r"^\| (`.+?`) \|", GLOSSARY.split("## Retired words")[1], re.MULTILINE)
WORDS = {word for row in RETIRED for word in re.findall(r"`(\w+)`", row)}
TABLES = ROOT / "monitor/store/tables"
"""Tables and columns keep their names, as do the migrations."""
STORED = {"hits", "taught", "STORM"}
"""Names of JSON fields, columns and stored reasons that code must spell as they are."""


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of everything that a module defines: functions, classes, arguments, variables and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def words(name: str) -> set[str]:
    """The words of an identifier, in lower case and in the singular."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    lower = {each.lower() for each in parts}
    return lower | {each.removesuffix("s") for each in lower} | {each.removesuffix("es") for each in lower}


@pytest.mark.parametrize("room", sorted(path.parent.name for path in (ROOT / "monitor").glob("*/__init__.py")))
def test_no_name_holds_a_retired_word(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / "monitor" / room).rglob("*.py"))
        if path.parent != TABLES and "migrations" not in path.parts
        for line, name in names(ast.parse(path.read_text(encoding="utf-8")))
        if words(name) & WORDS and name not in STORED
    ]
    assert found == []


def test_no_module_is_called_by_a_retired_word() -> None:
    stems = [path.stem for path in (ROOT / "monitor").rglob("*.py") if "migrations" not in path.parts]
    assert [stem for stem in stems if words(stem) & WORDS] == []


def test_no_class_or_module_of_tests_and_benchmarks_is_called_by_a_retired_word() -> None:
    paths = sorted(path for top in ("bench", "tests") for path in (ROOT / top).rglob("*.py"))
    assert len(paths) > 100
    called = {
        (str(path.relative_to(ROOT)), name)
        for path in paths
        for name in (path.stem, *_classes(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert {each for each in called if words(each[1]) & WORDS} == set()


def _classes(tree: ast.AST) -> Iterator[str]:
    return (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def test_no_heading_of_the_documents_holds_a_retired_word() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    headings = [
        f"{path.name}: {heading}"
        for path in documents
        for heading in re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if set(re.findall(r"[a-z]+", re.sub(r"`[^`]*`", "", heading).lower())) & WORDS
    ]
    assert headings == []


def commands(command: Any, path: str = "monitor") -> Iterator[tuple[str, str]]:
    """(command, its help and that of its options, without examples) of a command and all below it."""
    prose = "\n".join([command.help or "", *(str(getattr(each, "help", None) or "") for each in command.params)])
    yield path, re.sub(r"`[^`]*`|^ *monitor .*$", "", prose, flags=re.MULTILINE)
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, f"{path} {name}")


def test_no_help_text_holds_a_retired_word() -> None:
    told = list(commands(typer.main.get_command(app)))
    assert len(told) > 30
    assert [path for path, text in told if set(re.findall(r"[a-z]+", text.lower())) & WORDS] == []


def test_no_setting_holds_a_retired_word() -> None:
    def settings(model: type) -> Iterator[str]:
        for name, field in getattr(model, "model_fields", {}).items():
            yield name
            if isinstance(field.annotation, type):
                yield from settings(field.annotation)

    found = list(settings(Settings))
    assert len(found) > 30
    assert [name for name in found if words(name) & WORDS] == []


def test_the_retired_words_are_found_wherever_they_hide() -> None:
    source = "def f(hits): lesson_of, _b = 1, 2\nclass KindredRow: ...\nfrom a import b as sketches\n"
    assert [name for _, name in sorted(names(ast.parse(source)), key=lambda each: each[1]) if words(name) & WORDS] == [
        "KindredRow",
        "hits",
        "lesson_of",
        "sketches",
    ]
