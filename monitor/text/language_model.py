"""The language model of py3langid, mapped from a file that all processes share.

The package ships it compressed: each process would unpack it in .4 s and hold 70 MB of its own. Unpacked once, it is kept where
Python keeps this module's byte code, and by the same rules: another model is unpacked anew, anybody may delete the folder, and
where it cannot be or is not to be written (PYTHONDONTWRITEBYTECODE) the model is unpacked at each start.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
from py3langid.modelio import load_model

_Arrays = Mapping[str, npt.NDArray[Any]]
_MAPPED = ("weights", "moves")
_READ = ("priors", "labels", "rows", "features")


class _Identifier(LanguageIdentifier):  # type: ignore[misc]
    """py3langid's, whose `rank` sorts all languages where the best of a few is wanted."""

    def scores(self, text: str) -> dict[str, float]:
        """Language -> log-likelihood, as `rank` has it."""
        found: dict[str, float] = {}
        for language, score in zip(self.nb_classes, self._decide(text).tolist(), strict=True):
            found.setdefault(language, score)  # the first column holds the merged score
        return found


def load() -> Any:
    """The identifier of py3langid, with all its answers to the letter."""
    model = MODEL_DIR / MODEL_FILE
    folder = kept_at(model)
    return _identifier(_kept(folder) or _unpacked(model, folder))


def kept_at(model: Path) -> Path:
    """The folder where this model is kept; its name changes with the model. Whole seconds, as in byte code:
    container images keep no finer times."""
    of = model.stat()
    return Path(cache_from_source(__file__)).with_name(f"language-{sys.byteorder}-{of.st_size}-{int(of.st_mtime)}")


def _kept(folder: Path) -> _Arrays | None:
    """The model's arrays as they are kept; None where they are not, or are damaged."""
    if not folder.exists():
        return None
    try:
        mapped = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in _MAPPED}
        return mapped | {name: np.load(folder / f"{name}.npy") for name in _READ}
    except (OSError, ValueError, EOFError):
        shutil.rmtree(folder, ignore_errors=True)
        return None


def _unpacked(model: Path, folder: Path) -> _Arrays:
    weights, priors, labels, moves, rows, features = load_model(model)
    arrays = {
        "weights": np.asarray(weights),
        "priors": np.asarray(priors),
        "labels": np.asarray(labels),
        "moves": np.asarray(moves),
        "rows": np.asarray(rows),
        "features": np.asarray(features, np.int32),
    }
    if not sys.dont_write_bytecode:
        _keep(arrays, folder)
    return arrays


def _keep(arrays: _Arrays, folder: Path) -> None:
    """Write the arrays, whole or not at all; whoever cannot write here unpacks the model at each start."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="language-", dir=folder.parent))
    except OSError:
        return
    try:
        for name, array in arrays.items():
            with (made / f"{name}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(
                    file.fileno()
                )  # a machine that goes down must not leave a file of zeros: they would be answers
        made.chmod(0o755)  # as byte code, for every user to read
        made.rename(folder)
    except OSError:  # the disk is full, or another process was faster
        shutil.rmtree(made, ignore_errors=True)


def _identifier(arrays: _Arrays) -> Any:
    """The identifier reads single moves, which a memoryview (`data`) gives faster than an array of numpy."""
    return _Identifier(
        arrays["weights"],
        arrays["priors"],
        arrays["labels"].tolist(),
        arrays["moves"].data,
        arrays["features"].tolist(),
        tk_row=arrays["rows"].tolist(),
    )
