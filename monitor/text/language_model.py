"""The language model of py3langid, mapped from a file that all processes share.

The package ships it compressed: each process would unpack it in .4 s and hold 70 MB of its own. Unpacked once, it is kept where
Python keeps this module's byte code, and by the same rules: another model is unpacked anew, anybody may delete the folder, and
where it cannot be or is not to be written (PYTHONDONTWRITEBYTECODE) the model is unpacked at each start.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
from py3langid.modelio import load_model

_Arrays = Mapping[str, npt.NDArray[Any]]
_MAPPED = ("weights", "moves")
_READ = ("priors", "labels", "rows", "features")


class Features(NamedTuple):
    """What the model counts in a text."""

    numbers: npt.NDArray[np.intp]
    """Which features, ascending."""
    weights: npt.NDArray[np.float32]
    """log(1 + count) of each."""


class Identifier(LanguageIdentifier):  # type: ignore[misc]
    """py3langid's, which reads many texts at once, and compares a few languages where it would compare all."""

    def __init__(self, arrays: _Arrays) -> None:
        # py3langid reads single numbers, which a memoryview (`data`) gives faster than an array of numpy.
        super().__init__(
            arrays["weights"],
            arrays["priors"],
            arrays["labels"].tolist(),
            arrays["moves"].data,
            arrays["features"].data,
            tk_row=(),
        )
        self._moves, self._feature_of_state = arrays["moves"], arrays["features"]
        self._row_of_state = arrays["rows"].astype(np.intp) << 8
        self._rowbase = self._row_of_state.data

    def scores(self, text: str) -> dict[str, float]:
        """Language -> log-likelihood, as `rank` has it."""
        found: dict[str, float] = {}
        for language, score in zip(self.nb_classes, self._decide(text).tolist(), strict=True):
            found.setdefault(language, score)  # the first column holds the merged score
        return found

    def features(self, texts: Sequence[str]) -> list[Features]:
        """What the model counts in each text, as `visit_counts` of py3langid does."""
        encoded = [self._encode(each) for each in texts]
        sizes = np.array([len(each) for each in encoded], np.intp)
        found = self._feature_of_state[self._states(b"".join(encoded), np.cumsum(sizes) - sizes)]
        number_of_text = np.repeat(np.arange(len(texts)) * len(self.nb_ptc), sizes)
        is_feature = found >= 0
        keys, counts = np.unique(number_of_text[is_feature] + found[is_feature], return_counts=True)
        weights = np.log1p(counts.astype(np.float32))
        bounds = np.searchsorted(keys, np.arange(len(texts) + 1) * len(self.nb_ptc)).tolist()
        return [
            Features(keys[start:end] - number * len(self.nb_ptc), weights[start:end])
            for number, (start, end) in enumerate(itertools.pairwise(bounds))
        ]

    def log_likelihoods(self, features: Features, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Of the languages in these columns of the model. They are those of `scores` but for the order of their sums."""
        table = self.nb_ptc.take(features.numbers, axis=0).take(columns, axis=1)
        found: npt.NDArray[np.float32] = features.weights @ table.astype(np.float32) + self.nb_pc[columns]
        return found

    def _states(self, encoded: bytes, starts: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        """The state of the automaton after each byte of texts that begin at `starts`.

        All states are worked out at once from those of the bytes before, until they agree. They do after a few rounds, as a
        state hangs on the last few bytes, and then are what one step after the other would find, whatever the automaton is.
        """
        steps = np.frombuffer(encoded, np.uint8)
        before, found = np.zeros(len(steps), np.intp), None
        starts = starts[starts < len(steps)]
        while True:
            earlier, found = found, self._moves[self._row_of_state[before] + steps]
            if earlier is not None and np.array_equal(earlier, found):
                return found
            before[1:] = found[:-1]
            before[starts] = 0


def load() -> Identifier:
    """The identifier of py3langid, with all its answers to the letter."""
    model = MODEL_DIR / MODEL_FILE
    folder = kept_at(model)
    return Identifier(_kept(folder) or _unpacked(model, folder))


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
