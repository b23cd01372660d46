"""Runs: record, log, models and checkpoints of every run that nobody works on at this moment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial

from lrlab.errors import LabError, NotFound, shown
from lrlab.files import is_id
from lrlab.home import Home
from lrlab.keeping.checks.logs import check_logs
from lrlab.keeping.checks.models import check_models
from lrlab.keeping.finding import Finding
from lrlab.runs import Run, RunRecord, load_predictions, worker_gone
from lrlab.runs.heartbeat import heartbeat_file, read_heartbeat


def check_runs(home: Home, *, thorough: bool) -> Iterator[Finding]:
    """Findings about every run. `thorough`: each checkpoint is read to its end."""
    for name in sorted(entry.name for entry in os.scandir(home.runs) if is_id(entry.name) and entry.is_dir()):
        run = Run(name, home.runs / name)
        try:
            record = run.record
        except NotFound:
            yield from _nameless(run)
        except LabError as error:
            yield Finding(f"run {name}", str(error), f"restore it from a backup, or delete {run.folder}")
        else:
            if record.id != name:
                text = f"its run.json is that of run {shown(record.id)}: the folder was copied or renamed by hand"
                yield Finding(f"run {name}", text, f"give {run.folder} its old name, or delete it")
            elif record.state != "running" or worker_gone(record):
                try:
                    yield from _run(run, record, thorough)
                except OSError as error:  # a disk that does not read; no file is damaged for that
                    yield Finding(f"run {name}", f"it cannot be read ({error})", "look at the disk it lies on")


def _nameless(run: Run) -> Iterator[Finding]:
    """A folder without run.json: worth nothing where it holds nothing else."""
    if not run.folder.exists():  # deleted since the folder was listed
        return
    place = f"run {run.id}"
    if all(path.name.startswith(".") for path in run.folder.iterdir()):
        yield Finding(place, "its folder is empty", "the folder is removed", partial(shutil.rmtree, run.folder))
    else:
        yield Finding(place, "its run.json is gone", f"restore it from a backup, or delete {run.folder}")


def _run(run: Run, record: RunRecord, thorough: bool) -> Iterator[Finding]:
    place = f"run {run.id}"
    heartbeat = heartbeat_file(run.folder)
    if heartbeat.exists() and read_heartbeat(run.folder) is None:
        yield Finding(
            place, "heartbeat.json cannot be read", "it is removed", partial(heartbeat.unlink, missing_ok=True)
        )
    yield from check_logs(run, record)
    yield from check_models(run, record, thorough)
    try:
        load_predictions(run)
    except LabError:
        yield Finding(
            place,
            "predictions.parquet is damaged",
            f"it is removed; python -m lrlab evaluate {run.id} makes it again",
            partial(run.predictions.unlink, missing_ok=True),
        )
