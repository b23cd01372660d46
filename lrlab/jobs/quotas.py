"""What a person may ask of the lab's machine: so many runs at a time, and room on the disk for what each will keep."""

from __future__ import annotations

from contextlib import suppress

from lrlab.datasets import Dataset, cache_bytes
from lrlab.disk import check_room
from lrlab.errors import LabError
from lrlab.experiments import MODELS, Experiment
from lrlab.home import Home
from lrlab.jobs.queue import Queue
from lrlab.runs import load_run
from lrlab.settings import settings

BYTES_PER_PARAMETER = 32
"""What a run keeps at most for each number that its model learns: two checkpoints of the number and the optimiser's two
about it, the best model and the last, in 4 bytes each."""


def check_jobs(home: Home, owner: str) -> None:
    """LabError where `owner` (a mail address, empty for the local user) has as many runs waiting or at work as allowed.

    To be asked before a run is queued.
    """
    most = settings(home).limits.jobs_per_person
    with Queue(home) as queue:
        queued = queue.run_ids()
    if len(queued) < most:
        return
    theirs = 0
    for run_id in queued:
        with suppress(LabError):  # deleted meanwhile, or not to be read
            theirs += load_run(run_id, home).record.owner == owner
    if theirs >= most:
        raise LabError(
            f"run: {theirs:,} of yours wait or are at work, allowed: at most {most:,} (jobs_per_person in lab.toml); "
            "wait until one has ended, or cancel one on the Lab page",
            field="run",
        )


def check_disk(home: Home, dataset: Dataset, experiment: Experiment) -> None:
    """LabError (field "dataset") where the run may keep more than the disk, or limits.disk_gb, has room for.

    Waits for nothing: it knows the lab's size as it was measured last.
    """
    models = BYTES_PER_PARAMETER * MODELS[experiment.model.name].parameters
    check_room(home, models + cache_bytes(home, dataset, experiment.image_size), "run", "dataset", wait=False)
