"""Matches as CSV and JSON lines, for the page and the command line: row by row, whatever their number."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

COLUMNS = (
    *("id", "article_id", "story_id", "topic", "title", "url", "source", "outlet", "wire", "language"),
    *("published_at", "found_at", "score", "threshold", "probability", "state", "reason", "kind"),
    *("terms", "sentence", "seed", "also_carried_by", "topic_version", "model_version"),
)
"""Of a CSV file; JSON lines have all that is known."""


def csv_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The lines of a CSV file, its header first."""
    yield _csv_line(COLUMNS)
    for row in rows:
        yield _csv_line([_cell(row.get(name)) for name in COLUMNS])


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One JSON object a line."""
    return (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv_line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_NONNUMERIC).writerow(list(cells))
    return line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list):
        return defused("; ".join(str(each[0] if isinstance(each, list) else each) for each in value))
    return defused(value) if isinstance(value, str) else value


# The characters that start a formula in spreadsheets, full-width forms included, after the quotes, spaces and control
# characters that spreadsheets skip; cells that begin with a control character are quoted too (U13, ASVS 1.2.10).
_FORMULA = re.compile(r"""[\s"'\x00-\x20\u200b-\u200f\ufeff]*[=+\-@|;%＝＋－＠；｜]|[\x00-\x1f\x7f-\x9f]""")


def defused(cell: str) -> str:
    """The cell with a ' in front where a spreadsheet would run it as a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
