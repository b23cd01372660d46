"""Exact resume: all that a run is between two updates, kept in a file and put back as it was.

A checkpoint holds the model, the optimiser, the schedule, the loop and its observers with their sums and counts, and
the state of every random generator; which images come next follows from the seed and the place in the epoch. Beside it
lies the best model so far, as the checkpoint knows it. On a CPU what is trained from there is the same to the last bit.
"""

from __future__ import annotations

import filecmp
import logging
import os
import pickle
import random
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import torch

from lrlab.errors import LabError
from lrlab.files import PIECE, Synced, new_id
from lrlab.runs import (
    Attempt,
    Beat,
    Checkpoint,
    LogWriter,
    Run,
    RunRecord,
    all_checkpoints,
    checkpoint_file,
    usable_checkpoints,
)
from lrlab.training.devices import Device, choose_device
from lrlab.training.loop import Loop, Observer

FORMAT = 1

COST = 0.03
"""The share of a run's time that its checkpoints may take."""

EVERY = 20.0
"""Seconds between two checkpoints inside an epoch, at least."""

KEPT = 2
"""So many of the newest checkpoints stay: should the newest be damaged, the one before it is not."""

WORTH_SAYING = 1.0
"""A checkpoint that takes longer than so many seconds is told while it is written."""

_log = logging.getLogger(__name__)


class Checkpointer(Observer):
    """Keeps checkpoints of the loop: at the ends of epochs and in between, as often as their cost allows.

    It comes after the observers whose state it keeps. `attempt` is this attempt's number, `log` is brought to the disk
    first, so that no checkpoint is ahead of it.
    """

    def __init__(self, run: Run, attempt: int, log: LogWriter, beat: Beat) -> None:
        self._run = run
        self._attempt = attempt
        self._log = log
        self._beat = beat
        self._saved = time.monotonic()
        self._seconds = 0.0
        self._kept: tuple[int, bool] | None = None

    def after_update(self, loop: Loop) -> None:
        if loop.done < loop.updates_per_epoch and self._due(EVERY):
            self.save(loop)

    def after_epoch(self, loop: Loop) -> None:
        if self._due(0.0):
            self.save(loop)

    def save(self, loop: Loop) -> None:
        """Keeps `loop` as it stands: between two updates, before a validation, or after an epoch; each once."""
        place = (loop.step, loop.score is not None)
        if place == self._kept:
            return
        begun = time.monotonic()
        told = partial(self._beat.say, "saving a checkpoint")
        if self._seconds > WORTH_SAYING:
            told()
        state = state_of(loop)
        self._log.sync()
        path = checkpoint_file(self._run, self._attempt, loop.step + 1)
        path.parent.mkdir(exist_ok=True)
        _copy(self._run.best_model, _best_beside(path))
        _write(path, state, told)
        self._remove_older(path)
        self._kept = place
        self._saved = time.monotonic()
        self._seconds = self._saved - begun

    def _due(self, least: float) -> bool:
        return time.monotonic() - self._saved >= max(least, self._seconds / COST)

    def _remove_older(self, newest: Path) -> None:
        # Of later attempts this one knows nothing, should it have lost its run without knowing.
        usable = [one.path for one in usable_checkpoints(self._run, self._run.record.attempts) if one.path != newest]
        kept = {newest, *usable[: KEPT - 1]}
        for one in all_checkpoints(self._run):
            # Those of a later attempt are not ours, should this one have lost its run without knowing.
            if one.path not in kept and one.attempt <= self._attempt:
                one.path.unlink(missing_ok=True)
                _best_beside(one.path).unlink(missing_ok=True)


def state_of(loop: Loop) -> dict[str, Any]:
    """All that `loop` is: tensors, numbers, texts, and lists, tuples and mappings of them."""
    return {
        "format": FORMAT,
        "torch": str(torch.__version__),
        # First: the recorder writes the rows that it still has, and its sums are then complete.
        "observers": {type(observer).__name__: observer.state_dict() for observer in loop.observers},
        "loop": loop.state_dict(),
        "model": loop.model.state_dict(),
        "optimizer": loop.optimizer.state_dict(),
        "schedule": loop.schedule.state_dict(),
        "random": _random_states(),
    }


def put_back(loop: Loop, state: dict[str, Any]) -> None:
    """Makes `loop`, which was just built, what `state` was taken from."""
    loop.model.load_state_dict(state["model"])
    loop.optimizer.load_state_dict(state["optimizer"])
    loop.schedule.load_state_dict(state["schedule"])
    loop.load_state_dict(state["loop"])
    for observer in loop.observers:
        name = type(observer).__name__
        if name in state["observers"]:  # one that an older version did not have has nothing to take up
            observer.load_state_dict(state["observers"][name])
    _set_random_states(state["random"])


def restore(
    loop: Loop,
    run: Run,
    earlier: Sequence[Attempt],
    told: Callable[[], object] = lambda: None,
    guard: Callable[[], AbstractContextManager[object]] = nullcontext,
    another_best: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Checkpoint | None:
    """Puts `loop` where the newest sound checkpoint of the `earlier` attempts was taken; None where they left none.

    LabError where they left some and none is sound: to begin anew would replace the run's model and its log. The best
    model becomes the one that the checkpoint knew; without a checkpoint it stays until there is another.
    What `guard` gives is held while files change that all attempts share, what `another_best` gives while the best
    model does: reading takes long, and a newer attempt may have the run by then. `told` is called all the while.
    """
    with guard():
        _tidy(run.folder / "checkpoints")
    usable = usable_checkpoints(run, earlier)
    for checkpoint in usable:
        state = read(checkpoint.path, told)
        if state is not None:
            put_back(loop, state)
            best = _best_beside(checkpoint.path)
            if not _is_same(best, run.best_model):
                with another_best():
                    _copy(best, run.best_model)
            return checkpoint
        _log.warning("the checkpoint %s cannot be used and is left aside", checkpoint.path.name)
    if usable:
        names = ", ".join(one.path.name for one in usable)
        raise LabError(
            f"none of its checkpoints can be read ({names}). Its log and models stay as they are; "
            "to train it from the start, start it as a new run",
            "run",
        )
    return None


def device_of(record: RunRecord, threads: int) -> Device:
    """The device of the run's newest attempt: what the first one that had any found out and chose is taken again.

    Another device or precision, or another number of threads, gives other weights. Where the device is not there any
    more and the person did not name it, what "auto" is now. `threads`: of the first attempt.
    """
    experiment = record.experiment
    asked = (experiment.model.name, experiment.precision)
    begun = next((attempt for attempt in record.attempts[:-1] if attempt.processor), None)
    if begun is None:
        return choose_device(experiment.device, *asked, threads)
    try:
        return choose_device(begun.processor, experiment.model.name, begun.precision, begun.threads)
    except LabError:
        if experiment.device != "auto":
            raise
        return choose_device("auto", *asked, begun.threads)


def remark(attempt: Attempt, earlier: Sequence[Attempt], *, anew: bool) -> str:
    """What a person should know of how `attempt` went on from the `earlier` ones; empty where there is nothing."""
    said = []
    if anew:
        said.append("No earlier attempt left a checkpoint, so the run began anew.")
    begun = next((one for one in earlier if one.processor), None)
    if begun and not anew:
        before, now = (f"{one.device} with torch {one.torch}" for one in (begun, attempt))
        if before != now:
            said.append(f"It was begun on {before} and goes on on {now}: its weights are not those it would have had.")
    return " ".join(said)


def read(path: Path, told: Callable[[], object] = lambda: None) -> dict[str, Any] | None:
    """What a checkpoint holds; None where the file is gone, torn, altered or none of this version.

    `told` is called for every 32 MB that a slow disk gave; torch then finds them in the memory.
    """
    try:
        # torch does not compare the checksums that it writes, and half a file must not become half a model. Whoever
        # reads a member of the archive to its end compares them.
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as content:
                    while content.read(PIECE):
                        told()
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as error:
        _log.warning("%s: %s", path.name, error)
        return None
    return state if isinstance(state, dict) and state.get("format") == FORMAT else None


def _write(path: Path, state: dict[str, Any], told: Callable[[], object]) -> None:
    """Replaces `path` in one step; what is there has reached the disk. `told`: as `Synced`'s."""
    temporary = path.with_name(f".{path.name}.{new_id(6)}")
    try:
        with temporary.open("wb") as file:
            synced = Synced(file, told)
            torch.save(state, cast("IO[bytes]", synced))  # which it only writes to
            synced.sync()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _tidy(folder: Path) -> None:
    """Removes what a worker left that was ended while it wrote a checkpoint."""
    for path in folder.glob("*"):
        unfinished = path.name.startswith(".") or (
            path.suffix == ".safetensors" and not path.with_suffix(".pt").exists()
        )
        if unfinished:
            path.unlink(missing_ok=True)


def _best_beside(path: Path) -> Path:
    return path.with_suffix(".safetensors")


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are one file, or equal ones, as they are on a disk without second names and out of a backup."""
    return one.exists() and other.exists() and (one.samefile(other) or filecmp.cmp(one, other, shallow=False))


def _copy(source: Path, target: Path) -> None:
    """Makes `target` what `source` is, in one step, or absent where that is. A second name costs no room."""
    if not source.exists():
        target.unlink(missing_ok=True)
        return
    temporary = target.with_name(f".{target.name}.{new_id(6)}")
    try:
        try:
            os.link(source, temporary)
        except OSError:  # a file system without second names
            shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # it stays where both were the same file already


def seed_all(seed: int) -> None:
    """Every random generator whose state a checkpoint keeps begins with `seed`."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _random_states() -> dict[str, Any]:
    drawn = np.random.get_state(legacy=False)
    assert isinstance(drawn, dict)
    keys = torch.from_numpy(drawn["state"]["key"].astype(np.int64))
    states: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": {**drawn, "gauss": float(drawn["gauss"]), "state": {**drawn["state"], "key": keys}},
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(states: dict[str, Any]) -> None:
    random.setstate(states["python"])
    drawn = states["numpy"]
    keys = drawn["state"]["key"].numpy().astype(np.uint32)
    np.random.set_state({**drawn, "state": {**drawn["state"], "key": keys}})
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
