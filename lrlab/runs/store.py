"""The run folders of a lab: made whole, changed under their lock, removed in one step."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from lrlab.errors import LabError, NotFound, warn_once
from lrlab.experiments import Experiment
from lrlab.experiments.finder import Finder
from lrlab.files import is_id, new_id, remove_tree, write_atomic
from lrlab.home import Home, lab_home
from lrlab.runs.record import DatasetFacts, Kind, RunRecord
from lrlab.runs.run import Run, forget_all_but

FORCE = b"force"
"""What the file holds that asks for a stop by force."""

_log = logging.getLogger(__name__)


def create_run(
    home: Home,
    experiment: Experiment,
    *,
    dataset: DatasetFacts,
    steps_per_epoch: int,
    finder: Finder | None = None,
    owner: str = "",
) -> Run:
    """A new run of `owner` in state "queued", named after its experiment. Its folder appears whole or not at all.

    With `finder` it is one of kind "find_lr", which finds an LR for `experiment`; its sweeps count as epochs.
    """
    run_id = new_id()
    record = RunRecord(
        id=run_id,
        name=experiment.name or f"{experiment.model.name} on {dataset.name}" if finder else experiment.title,
        created=time.time(),
        owner=owner,
        experiment=experiment,
        dataset=dataset,
        steps_per_epoch=steps_per_epoch,
        kind="find_lr" if finder else "train",
        finder=finder,
        colour=0 if finder else _next_colour(home),
    )
    making = home.runs / f".new-{run_id}"
    making.mkdir(parents=True)
    try:
        _write(Run(run_id, making), record)
        making.rename(home.runs / run_id)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return Run(run_id, home.runs / run_id)


def load_run(run_id: str, home: Home | None = None) -> Run:
    """The run `run_id` of `home` (default: the lab's home); NotFound where there is none."""
    folder = (home or lab_home()).runs
    # Only what new_id could have made is ever joined to a path.
    if not is_id(run_id) or not (folder / run_id / "run.json").is_file():
        raise no_run(run_id)
    return Run(run_id, folder / run_id)


def no_run(run_id: str) -> NotFound:
    """What is said of a run that is not there, and of one that whoever asks may not see."""
    return NotFound(f"there is no run {run_id[:40]!r}", field="run")


def list_runs(home: Home | None = None, kind: Kind | None = "train") -> list[Run]:
    """The runs of `home` (default: the lab's home) of `kind` (None: every one), the newest first.

    A run.json that cannot be read is left out.
    """
    runs = (home or lab_home()).runs
    there = {folder.name: folder for folder in runs.iterdir() if is_id(folder.name)}
    forget_all_but(there.keys(), runs)
    created = []
    for run in map(Run, there, there.values()):
        try:
            record = run.record
            if kind in (None, record.kind):
                created.append((record.created, run.id, run))
        except NotFound:  # deleted since the folder was listed
            continue
        except LabError as error:
            warn_once(_log, run.folder / "run.json", error)
    return [run for _, _, run in sorted(created, reverse=True)]


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Nobody else changes what all attempts of the run share meanwhile. NotFound where it was deleted."""
    if not run.folder.is_dir():
        raise NotFound(f"there is no run {run.id}")
    lock = run.folder / ".lock"
    with FileLock(lock):
        # A lock makes the folders that it lacks: that of a run which was deleted between the two lines.
        if not (run.folder / "run.json").exists():
            lock.unlink(missing_ok=True)
            with suppress(OSError):
                run.folder.rmdir()
            raise NotFound(f"there is no run {run.id}")
        yield


def revise(run: Run, change: Callable[[RunRecord], Mapping[str, Any]]) -> RunRecord:
    """Reads run.json, asks `change` which fields become what (an empty mapping: none) and writes them, under the lock.

    Returns the record as it then is. pydantic.ValidationError where a value is out of its range.
    """
    with locked(run):
        record = run.record
        fields = change(record)
        if fields:
            record = RunRecord(**{**{name: getattr(record, name) for name in RunRecord.model_fields}, **fields})
            _write(run, record)
    return record


def update(run: Run, **fields: Any) -> RunRecord:
    """Sets fields of run.json, such as `state="succeeded"`, and returns the record as it then is."""
    unknown = fields.keys() - RunRecord.model_fields.keys()
    if unknown:
        raise TypeError(f"run.json has no {', '.join(sorted(unknown))}")
    return revise(run, lambda record: fields)


def rename(run: Run, name: str) -> RunRecord:
    """Gives the run a name of 1 to 120 printable characters; LabError for any other."""
    name = name.strip()
    if not name or len(name) > 120 or not name.isprintable():
        raise LabError(f"name: got {name[:40]!r}, allowed: 1 to 120 printable characters", field="name")
    return update(run, name=name)


def delete_run(run: Run) -> None:
    """Removes the run and everything in its folder; LabError while a worker has it."""
    if run.state in ("running", "stalled"):
        raise LabError(f"run {run.id} is running; stop it first", field="run")
    # The name goes first and in one step, so that no reader ever sees half a run.
    doomed = run.folder.with_name(f".gone-{run.id}-{new_id(4)}")
    try:
        run.folder.rename(doomed)
    except FileNotFoundError:
        raise NotFound(f"there is no run {run.id}", field="run") from None
    remove_tree(doomed)


def request_stop(run: Run, *, force: bool = False) -> None:
    """Asks the worker to stop at its next step; asking again changes nothing, unless now by force.

    `force`: its process is to be ended at once.
    """
    file = _stop_file(run)
    if force:
        write_atomic(file, FORCE, sync=False)
        return
    with suppress(FileExistsError):
        file.touch(exist_ok=False)  # patience counts from the first time


def stop_forced(run: Run) -> bool:
    """Whether a person asked for the run's process to be ended at once."""
    try:
        return _stop_file(run).read_bytes() == FORCE
    except FileNotFoundError:
        return False


def stop_requested(run: Run) -> bool:
    """Whether a person asked the run to stop; one look at a file name, cheap enough for every step."""
    return _stop_file(run).exists()


def stop_requested_at(run: Run) -> float | None:
    """When a stop was asked for first, or by force, in unix seconds, or None."""
    try:
        return _stop_file(run).stat().st_mtime
    except FileNotFoundError:
        return None


def withdraw_stop(run: Run) -> None:
    """Takes back a wish to stop: the run is to go on."""
    _stop_file(run).unlink(missing_ok=True)


def _next_colour(home: Home) -> int:
    """The one after the newest run's, so that runs made one after the other never look alike."""
    newest = list_runs(home)[:1] if home.runs.is_dir() else []
    return newest[0].record.colour + 1 if newest else 0


def _stop_file(run: Run) -> Path:
    return run.folder / "stop"


def _write(run: Run, record: RunRecord) -> None:
    write_atomic(run.folder / "run.json", record.model_dump_json(indent=1).encode())
