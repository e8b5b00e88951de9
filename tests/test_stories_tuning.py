"""The numbers of the stories side stand in `stories_tuning`, once, and nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

MONITOR = Path(__file__).resolve().parents[1] / "monitor"
MODULES = (
    "sketch",
    "boilerplate",
    "dedup",
    "changes",
    "change_sentences",
    "change_patterns",
    "profiles",
    "stories",
    "ledger",
    "wires",
)
NEUTRAL = {0.0, 0.5, 1.0, 2.0, 1e-9}
"""Nothing, a half, all, a square, a guard against dividing by nothing: true whatever is measured."""
FORMAT = {"IS_NAME", "IS_HEADLINE", "IS_WORD", "IS_NUMBER", "IS_PLACE", "_LEVELS", "_MARKS"}
"""Bits and steps of stored profiles: no measurement changes these."""


def faults(source: str) -> list[str]:
    """Numbers bound by name outside the tuning, and floats inside functions that are not neutral."""
    tree = ast.parse(source)
    return [*_bound(tree.body), *_inline(tree)]


def _bound(body: list[ast.stmt]) -> list[str]:
    found = []
    for each in body:
        if isinstance(each, ast.ClassDef):
            found += [fault for fault in _bound(each.body) if not fault.endswith(("= 0", "= 0.0", "= 1.0"))]
        elif isinstance(each, ast.Assign | ast.AnnAssign) and each.value is not None and _is_number(each.value):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            names = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
            found += [f"line {each.lineno}: {ast.unparse(each)}"] if names - FORMAT else []
    return found


def _is_number(value: ast.expr) -> bool:
    """Whether it is a number, numbers side by side, or a span of time."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) == "timedelta"
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    return bool(parts) and all(_is_plain(part) for part in parts)


def _is_plain(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return _is_plain(value.operand)
    if isinstance(value, ast.BinOp):
        return _is_plain(value.left) and _is_plain(value.right)
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


def _inline(tree: ast.Module) -> list[str]:
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.Lambda)]
    constants = {each for function in functions for each in ast.walk(function) if isinstance(each, ast.Constant)}
    stray = (each for each in constants if type(each.value) is float and each.value not in NEUTRAL)
    return [f"line {each.lineno}: {each.value}" for each in stray]


@pytest.mark.parametrize("module", MODULES)
def test_no_module_of_the_stories_side_holds_a_tuned_number(module: str) -> None:
    assert faults((MONITOR / f"{module}.py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "LIKENESS = 0.23",
        "LIKENESS: float = 0.23",
        "FROM, TO = 24, 64",
        "WINDOW_FOR = timedelta(days=14)",
        "LESS = -0.5 * 3",
        "class A:\n    limit: float = 0.7",
        "def f(x):\n    return x > 0.7",
        "def f(x=0.7):\n    return x",
        "class A:\n    def f(self):\n        return max(self.all, key=lambda each: each * 0.7)",
    ],
)
def test_a_tuned_number_is_found_wherever_it_hides(line: str) -> None:
    assert len(faults(line)) == 1


def test_every_number_of_the_tuning_says_what_it_does_and_is_used() -> None:
    source = (MONITOR / "stories_tuning.py").read_text(encoding="utf-8")
    body = ast.parse(source).body
    bound = [(place, each) for place, each in enumerate(body) if isinstance(each, ast.Assign)]
    assert bound
    unsaid = [ast.unparse(each) for place, each in bound if not _is_docstring(body[place + 1 : place + 2])]
    assert unsaid == []
    others = "\n".join(
        path.read_text(encoding="utf-8") for path in MONITOR.rglob("*.py") if path.name != "stories_tuning.py"
    )
    names = [name.id for _, each in bound for name in ast.walk(each.targets[0]) if isinstance(name, ast.Name)]
    assert [name for name in names if not re.search(rf"\b{name}\b", others)] == []
    assert len(names) == len(set(names))


def _is_docstring(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
