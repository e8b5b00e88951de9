"""Tuned numbers of matching and stories stand in the two tuning modules and nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import monitor

ROOT = Path(monitor.__file__).parent
ROOMS = ("matching", "stories")
TUNINGS = tuple(ROOT / room / "tuning.py" for room in ROOMS)
TUNED = [
    path
    for room in ROOMS
    for path in sorted((ROOT / room).glob("*.py"))
    if path not in TUNINGS and path.stem != "__init__"
]
PLAIN = (0, 1, 0.0, 1.0)
"""May be bound anywhere: where counting begins, and what changes nothing."""
HALVES = (0.0, 0.5, 1.0, 2.0)
"""Floats that may stand in a function: halves, doubles and what changes nothing."""
GUARD, HUGE = 1e-6, 1e6
"""So may what only keeps a division or an overflow away: 1e-6 and less, a million and more."""
FORMAT = {"IS_NAME", "IS_HEADLINE", "IS_WORD", "IS_NUMBER", "IS_PLACE", "_LEVELS", "_MARKS"}
"""Bits and steps of stored profiles: no measurement changes these."""


def numbers(node: ast.AST) -> Iterator[tuple[int, float]]:
    """(line, number) of each literal below a node."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and type(each.value) in (int, float):
            yield each.lineno, each.value


def bound(tree: ast.Module) -> list[str]:
    """Numbers, and spans of time, that a module or one of its classes binds to a name."""
    bodies = [tree.body, *(each.body for each in ast.walk(tree) if isinstance(each, ast.ClassDef))]
    bindings = [each for body in bodies for each in body if isinstance(each, ast.Assign | ast.AnnAssign) and each.value]
    values = [each.value for each in bindings if not (targets(each) & FORMAT) and is_number(each.value)]
    return [f"line {line}: {value!r}" for node in values for line, value in numbers(node) if value not in PLAIN]


def targets(binding: ast.Assign | ast.AnnAssign) -> set[str]:
    """The names that it binds."""
    of = binding.targets if isinstance(binding, ast.Assign) else [binding.target]
    return {name.id for each in of for name in ast.walk(each) if isinstance(name, ast.Name)}


def is_number(value: ast.expr | None) -> bool:
    """Whether it comes to a number, numbers side by side, or a span of time; a table of words may hold numbers."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) == "timedelta"
    if isinstance(value, ast.Tuple):
        return any(is_number(each) for each in value.elts)
    if isinstance(value, ast.UnaryOp):
        return is_number(value.operand)
    if isinstance(value, ast.BinOp):
        return is_number(value.left) and is_number(value.right)
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


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


@pytest.mark.parametrize("path", TUNED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_binds_no_number_and_holds_no_fitted_one(path: Path) -> None:
    """Add it to the tuning module of its room, with its unit, what it does, and what measures it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert (bound(tree), fitted(tree)) == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        "LIKENESS = 0.23",
        "LIKENESS: float = 0.23",
        "FROM, TO = 24, 1",
        "WINDOW_FOR = timedelta(days=14)",
        "LESS = -0.7 * 1",
        "class A:\n    limit: float = 0.7",
        "def f(x):\n    return x > 0.7",
        "def f(x=0.7):\n    return x",
        "class A:\n    def f(self):\n        return max(self.all, key=lambda each: each * 0.7)",
    ],
)
def test_a_tuned_number_is_found_wherever_it_hides(line: str) -> None:
    assert len(bound(ast.parse(line)) + fitted(ast.parse(line))) == 1


def test_plain_numbers_are_left_alone() -> None:
    source = "A, B = 0, 1.0\nIS_NAME = 4\nclass C:\n    x: int = 0\ndef f(y=0.5): return min(y * 2.0, 1e9) + 12"
    assert bound(ast.parse(source)) + fitted(ast.parse(source)) == []


@pytest.mark.parametrize("path", TUNINGS, ids=lambda path: path.parent.name)
def test_each_tuned_number_is_described_and_used(path: Path) -> None:
    """A docstring below each, its section in the documents where it names one, and a module that imports it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = "\n".join(each.read_text(encoding="utf-8") for each in (ROOT.parent / "docs").glob("*.md"))
    code = "\n".join(each.read_text(encoding="utf-8") for each in ROOT.rglob("*.py") if each != path)
    steps = [each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom)][1:]
    assert steps
    named = [name for each in steps[::2] if isinstance(each, ast.Assign) for name in targets(each)]
    assert len(named) == len(set(named)), "a second number of one name would silently take the place of the first"
    for binding, words in zip(steps[::2], steps[1::2], strict=True):
        assert isinstance(binding, ast.Assign)
        assert isinstance(words, ast.Expr)
        assert isinstance(words.value, ast.Constant)
        for each in sorted(targets(binding)):
            assert re.search(rf"\b{each}\b", code), f"nobody uses {each}"
        for heading in re.findall(r'\("([^"]+)"', " ".join(str(words.value.value).split())):
            assert heading in documents, f"no document has {heading!r}"
