"""Each module of tables can be loaded by itself, and the schema has them all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.store.tables import schema

FOLDER = Path(schema.__file__).parent
MODULES = sorted({path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base", "schema"})


def test_the_schema_has_every_module() -> None:
    assert sorted(module.__name__.rpartition(".")[2] for module in schema.MODULES) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_no_table_is_loaded_without_those_that_it_refers_to(module: str) -> None:
    code = (
        f"import monitor.store.tables.{module}\n"
        "from monitor.store.tables.base import metadata\n"
        "print(*(key.column for table in metadata.sorted_tables for key in table.foreign_keys))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
