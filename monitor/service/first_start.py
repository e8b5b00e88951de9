"""The folders of a new installation, filled from those that came with the program: settings and topics of an image, which lie in
volumes that are empty at the first start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from monitor.types.errors import ConfigError

CONFIG, SEEDS = "config", "seeds"


def fill(source: Path, target: Path, *, topics_in_force: Callable[[], frozenset[str] | None]) -> dict[str, str]:
    """Copy the folders config and seeds that are missing or empty in `target` from `source`; what is there is never touched.

    `topics_in_force`, asked where seeds are empty: what the store has in force; None where there is no store yet. Topics that
    were removed do not come back. An owner's own topics are in none of our folders, so this volume is not the one that it was:
    it stays empty, for beside shipped topics the owner's would be taken for removed.

    Returns what became of each folder. Raises ConfigError where `source` lacks one, or one cannot be written.
    """
    if missing := [name for name in (CONFIG, SEEDS) if not (source / name).is_dir()]:
        raise ConfigError(*(f"{source / name}: no such folder to fill from" for name in missing))
    return {
        CONFIG: _kept(target / CONFIG) or _filled(source / CONFIG, target / CONFIG),
        SEEDS: _kept(target / SEEDS) or _seeds(source / SEEDS, target / SEEDS, topics_in_force()),
    }


def _kept(folder: Path) -> str:
    is_empty = not folder.is_dir() or all(each.name == "lost+found" for each in folder.iterdir())
    return "" if is_empty else "kept as it is"


def _seeds(source: Path, target: Path, in_force: frozenset[str] | None) -> str:
    if in_force is None:
        return _filled(source, target)
    shipped = frozenset(each.name for each in source.iterdir())
    if others := in_force - shipped:
        return f"left empty: the store has topics of yours ({', '.join(sorted(others))}); is this the right volume?"
    for name in sorted(in_force):
        _filled(source / name, target / name)
    return f"filled with {', '.join(sorted(in_force))}" if in_force else "left empty: its topics were removed"


def _filled(source: Path, target: Path) -> str:
    try:
        shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not permitted"
        raise ConfigError(f"{target} cannot be filled ({why}): let user {os.getuid()} write there") from error
    return "filled"
