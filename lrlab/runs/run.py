"""A run as the rooms hand it about: its id, its folder, and views of what lies there, read when asked for."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from lrlab.errors import LabError, NotFound, from_validation
from lrlab.experiments import Experiment
from lrlab.files import format_of
from lrlab.runs import liveness
from lrlab.runs.heartbeat import Heartbeat, read_heartbeat
from lrlab.runs.record import FORMAT, RunRecord, State

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """One run of a lab. Every property is read from disk when it is asked for, so that none is ever stale."""

    id: str
    folder: Path

    @property
    def record(self) -> RunRecord:
        """run.json as it is now; NotFound where the run was deleted, LabError where the file is no run.json."""
        path = self.folder / "run.json"
        try:
            return _parsed(path)
        except FileNotFoundError:
            raise NotFound(f"there is no run {self.id}") from None
        except ValidationError as error:
            if (later := format_of(path.read_bytes())) > FORMAT:
                text = f"was written by a later lrlab (format {later}; this one knows {FORMAT}); update lrlab"
                raise LabError(f"run {self.id} {text}") from error
            raise LabError(f"run {self.id}: its run.json cannot be read: {from_validation(error)}") from error

    @property
    def experiment(self) -> Experiment:
        return self.record.experiment

    @property
    def heartbeat(self) -> Heartbeat | None:
        """What the worker said last, or None before it said anything."""
        return read_heartbeat(self.folder)

    @property
    def state(self) -> State:
        """What is recorded, corrected by the heartbeat and by whether the worker's process lives."""
        record = self.record
        return liveness.state(record, self.heartbeat if record.state == "running" else None, time.time())

    @property
    def steps(self) -> pd.DataFrame:
        """One row per optimiser update: step and epoch (int64), time, lr, loss and the extra columns (float64)."""
        return self._frame("steps")

    @property
    def epochs(self) -> pd.DataFrame:
        """One row per epoch: epoch and step (int64), time, lr, the losses, accuracies (0 to 1) and speeds (float64)."""
        return self._frame("epochs")

    @property
    def best_model(self) -> Path:
        """The weights of the best epoch, by `record.best_by`; there once an epoch was validated."""
        return self.folder / "best.safetensors"

    @property
    def last_model(self) -> Path:
        """The weights as the run left them."""
        return self.folder / "last.safetensors"

    @property
    def predictions(self) -> Path:
        """What the best model says of the validation and test images; there once the run has ended."""
        return self.folder / "predictions.parquet"

    @property
    def worker_log(self) -> Path:
        """What the worker printed."""
        return self.folder / "worker.log"

    def _frame(self, kind: Literal["steps", "epochs"]) -> pd.DataFrame:
        from lrlab.runs import frames  # pandas takes longer to import than the supervisor may take to start

        return frames.read(frames.STEPS if kind == "steps" else frames.EPOCHS, self.folder, self.record.attempts)


_known: defaultdict[Path, dict[str, tuple[tuple[int, int, int], RunRecord]]] = defaultdict(dict)
"""What each run.json of a folder of runs held last, by the run's id, and the state that the file was in. One entry a
run, however many there are: lists walk through all of them in turn, again and again."""


def forget_all_but(ids: Set[str], runs: Path) -> None:
    """Drops what is known of runs that are no longer in the folder `runs`."""
    for gone in _known[runs].keys() - ids:
        _known[runs].pop(gone, None)


def _parsed(path: Path) -> RunRecord:
    """The record in `path`, parsed once for each state of the file, which is replaced and never written to."""
    facts, folder = path.stat(), path.parent
    state, known = (facts.st_ino, facts.st_mtime_ns, facts.st_size), _known[folder.parent]
    entry = known.get(folder.name)
    if entry is None or entry[0] != state:
        entry = known[folder.name] = state, RunRecord.model_validate_json(path.read_bytes())
    return entry[1]
