"""A lab out of a backup: every byte is checked in a hidden folder of the new home before anything of it can be seen.

Then a few renames make it the lab. Should the process end between two of them, the home's mark says so: no lrlab opens
it until the same command, or `doctor`, has made the rest of them.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lrlab.datasets import Dataset, Progress, list_datasets
from lrlab.datasets.dataset import ORIGINALS
from lrlab.datasets.paths import safe_parts
from lrlab.errors import LabError, shown
from lrlab.files import new_id, read_json, write_json
from lrlab.home import FORMAT, Home
from lrlab.jobs import Queue, requeue
from lrlab.keeping.names import QUEUE, SETTINGS
from lrlab.keeping.unpacking import Facts, opened
from lrlab.runs import RunRecord, list_runs, load_run, revise

CAUSE = "the backup that this lab was restored from was made while it ran"
ADVICE = "Try it again: it goes on from its newest checkpoint."
"""What is said of a run that was at work in the lab that was backed up: here, nobody works on it."""

HIDDEN = ".restoring-"
"""How the folder's name begins into which a backup is unpacked."""

_COPIED = re.compile(r"[0-9]{6,9}\.[a-z]{2,5}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Restored:
    """What was restored. `made`: when the backup was made, in unix seconds; None where this only finished a restore
    that had been broken off. `interrupted`: runs that were at work then.
    """

    datasets: int
    runs: int
    made: float | None = None
    interrupted: tuple[str, ...] = ()


def restore(path: Path, home: Home, progress: Progress | None = None) -> Restored:
    """Makes the backup at `path` the lab in `home`, which holds nothing yet; it is there whole then, or not at all.

    LabError (field "home") where a lab is there, (field "file") where the backup is none, damaged or hostile.
    """
    if finish(home):
        return Restored(len(list_datasets(home)), len(list_runs(home, None)))
    if fault := home.fault():
        raise LabError(f"home: {fault}", field="home")
    home.root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home.supervisor_lock, blocking=False):
            _refuse_lab(home)
            for left in home.root.glob(f"{HIDDEN}*"):  # by one that was killed
                shutil.rmtree(left)
            return _restore(path, home, progress)
    except Timeout:
        raise LabError(f"home: a lab is at work in {home.root}; restore into another folder", "home") from None


def finish(home: Home) -> bool:
    """Makes the renames that a restore which was broken off had left; whether there were any.

    One that was broken off before them left nothing but a hidden folder, which goes.
    """
    begun, ready = home.is_being_restored, list(home.root.glob(".restored-*"))
    for folder in ready:
        _publish(folder, home)
    if begun:
        home.mark()
    return bool(ready) or (begun and bool(_used(home)))


def _restore(path: Path, home: Home, progress: Progress | None) -> Restored:
    hidden = home.root / f"{HIDDEN}{new_id()}"
    try:
        with opened(path, home.root) as backup:
            _check_home(backup.facts, path)
            hidden.mkdir()
            backup.unpack(hidden, _telling(progress, backup.facts.bytes))
            made = backup.facts.made
        inside = Home(hidden)
        for folder in (inside.datasets, inside.runs):
            folder.mkdir(exist_ok=True)
        interrupted = _settle(inside, made)
        for dataset in list_datasets(inside):
            _check_dataset(dataset, path)
        _name_waiting(inside)
        done = Restored(len(list_datasets(inside)), len(list_runs(inside, None)), made, interrupted)
        if hasattr(os, "sync"):
            os.sync()
        # From here on every end of this process is one that `finish` goes on from.
        home.mark(restoring=True)
        ready = hidden.rename(home.root / hidden.name.replace(HIDDEN, ".restored-"))
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    _publish(ready, home)
    return done


def _used(home: Home) -> list[str]:
    """What of a lab there is in the home, beyond what an lrlab leaves that was started there and never used."""
    used = [
        folder.name for folder in (home.datasets, home.runs) if folder.is_dir() and any(map(_shown, folder.iterdir()))
    ]
    return used + ([home.settings.name] if home.settings.exists() else [])


def _refuse_lab(home: Home) -> None:
    if used := _used(home):
        raise LabError(
            f"home: there is a lab in {home.root} already (its {' and '.join(used)}); a backup is restored "
            "into a home that holds nothing, named by LRLAB_HOME or --to",
            field="home",
        )


def _shown(path: Path) -> bool:
    return not path.name.startswith(".")


def _check_home(facts: Facts, path: Path) -> None:
    if facts.home > FORMAT:
        raise LabError(
            f"{path.name} holds a lab of a later lrlab (format {facts.home}; this one knows {FORMAT}); update lrlab",
            field="file",
        )


def _telling(progress: Progress | None, total: int) -> Any:
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress("Unpacking, in kB", done // 1024, total // 1024)

    return told


def _settle(home: Home, made: float) -> tuple[str, ...]:
    """Ends the runs whose workers were at work: those belong to another lab, and may live beside this one."""

    def end(record: RunRecord) -> Mapping[str, Any]:
        if record.state != "running":
            return {}
        return {"state": "lost", "cause": CAUSE, "advice": ADVICE, "ended": max(made, record.created)}

    interrupted = []
    for run in list_runs(home, None):
        if run.record.state == "running":
            revise(run, end)
            interrupted.append(run.id)
    return tuple(interrupted)


def _check_dataset(dataset: Dataset, path: Path) -> None:
    """No entry of a data set's list may lead out of the folder in which its images lie."""
    elsewhere = Path(dataset.originals).is_absolute()
    if not elsewhere and dataset.originals != ORIGINALS:
        raise _outside(path, dataset, dataset.originals)
    try:
        files = dataset.images["file"]
    except (LabError, OSError, ValueError, KeyError) as error:  # told by `doctor`, as in the lab it came from
        _log.warning("the list of images of %s cannot be read: %s", dataset.id, error)
        return
    for file in files:
        if not (_is_inside(file) if elsewhere else isinstance(file, str) and _COPIED.fullmatch(file)):
            raise _outside(path, dataset, file)


def _is_inside(file: object) -> bool:
    try:
        return isinstance(file, str) and bool(safe_parts(file))
    except ValueError:
        return False


def _outside(path: Path, dataset: Dataset, file: object) -> LabError:
    return LabError(
        f"{path.name} is refused: the data set {shown(dataset.name)} names {shown(file)}, which is no file of its own",
        field="file",
    )


def _name_waiting(home: Home) -> None:
    """Names the runs that wait: in the order that the backup has, and after them those that it does not name."""
    kept = home.root / QUEUE
    waiting = [run.id for run in reversed(list_runs(home, None)) if run.record.state == "queued"]
    named = [run_id for run_id in _order(kept) if run_id in waiting]
    write_json(kept, list(dict.fromkeys([*named, *waiting])))


def _order(kept: Path) -> list[str]:
    try:
        order = read_json(kept)
    except (FileNotFoundError, ValueError):
        return []
    return [run_id for run_id in order if isinstance(run_id, str)] if isinstance(order, list) else []


def _publish(ready: Path, home: Home) -> None:
    """Gives every folder and file below `ready` its place, each in one rename, so that it can be gone on with."""
    if (ready / SETTINGS).exists():
        (ready / SETTINGS).replace(home.settings)
    for target in (home.datasets, home.runs):
        target.mkdir(exist_ok=True)
        source = ready / target.name
        for entry in list(source.iterdir()) if source.is_dir() else ():
            entry.rename(target / entry.name)
    with Queue(home) as queue:
        for run_id in _order(ready / QUEUE):
            requeue(queue, load_run(run_id, home).record)
    shutil.rmtree(ready)
    home.mark()
    home.ensure()
