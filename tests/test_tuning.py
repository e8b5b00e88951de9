"""Tuned numbers stand in the tuning modules and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import monitor

ROOT = Path(monitor.__file__).parent
TUNINGS = ("matching_tuning",)
TUNED = (
    "match", "learn", "follow", "term_vectors", "margins", "evidence", "rules", "intent", "calibrate", "reliability", "sampling",
    "costs", "compare", "meaning", "embedders", "background",
)  # fmt: skip
"""Modules of pure steps whose numbers were fitted or chosen by measurement."""
PLAIN = (0, 1, 0.0, 1.0)
"""May be bound anywhere: where counting begins, and what changes nothing."""
HALVES = (0.0, 0.5, 1.0, 2.0)
"""Floats that may stand in a function: halves, doubles and what changes nothing."""
GUARD, HUGE = 1e-6, 1e6
"""So may what only keeps a division or an overflow away: 1e-6 and less, a million and more."""


def numbers(node: ast.AST) -> Iterator[tuple[int, float]]:
    """(line, number) of each literal below a node."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and type(each.value) in (int, float):
            yield each.lineno, each.value


def bound(tree: ast.Module) -> list[str]:
    """Numbers that a module or one of its classes binds to a name."""
    bodies = [tree.body, *(each.body for each in ast.walk(tree) if isinstance(each, ast.ClassDef))]
    values = [
        each.value for body in bodies for each in body if isinstance(each, ast.Assign | ast.AnnAssign) and each.value
    ]
    return [f"line {line}: {value!r}" for node in values for line, value in numbers(node) if value not in PLAIN]


def fitted(tree: ast.Module) -> list[str]:
    """Floats in functions, defaults included, that are neither halves nor guards."""
    functions = [
        each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    found = {
        f"line {line}: {value!r}"
        for node in functions
        for line, value in numbers(node)
        if isinstance(value, float) and value not in HALVES and GUARD < value < HUGE
    }
    return sorted(found)


@pytest.mark.parametrize("name", TUNED)
def test_a_pure_step_binds_no_number_and_holds_no_fitted_one(name: str) -> None:
    """Add it to the tuning module of its room, with its unit, what it does, and what measures it."""
    tree = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
    assert (bound(tree), fitted(tree)) == ([], [])


def test_the_rule_finds_what_it_is_for() -> None:
    source = "A, B = 0.3, 1.0\nclass C:\n    x: int = 7\ndef f(y=0.25): return min(y * 0.75, 1e9) * 2.0 + 12"
    assert bound(ast.parse(source)) == ["line 1: 0.3", "line 3: 7"]
    assert fitted(ast.parse(source)) == ["line 4: 0.25", "line 4: 0.75"]


@pytest.mark.parametrize("name", TUNINGS)
def test_each_tuned_number_is_described_and_used(name: str) -> None:
    """A docstring below each, its section in the documents where it names one, and a module that imports it."""
    tree = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
    documents = "\n".join(each.read_text(encoding="utf-8") for each in (ROOT.parent / "docs").glob("*.md"))
    code = "\n".join(each.read_text(encoding="utf-8") for each in ROOT.rglob("*.py") if each.stem != name)
    steps = [each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom)][1:]
    for binding, words in zip(steps[::2], steps[1::2], strict=True):
        assert isinstance(binding, ast.Assign)
        assert isinstance(words, ast.Expr)
        assert isinstance(words.value, ast.Constant)
        for each in (name.id for name in ast.walk(binding) if isinstance(name, ast.Name) and name.id.isupper()):
            assert re.search(rf"\b{each}\b", code), f"nobody uses {each}"
        for heading in re.findall(r'\("([^"]+)"', " ".join(str(words.value.value).split())):
            assert heading in documents, f"no document has {heading!r}"
