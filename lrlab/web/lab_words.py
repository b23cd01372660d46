"""The lab in words, ready for a page: rows of runs, devices, processes, the disk. What a person may not see is not in
them, and nothing that only moves with the clock, which would make news of every look."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lrlab.charts import colour
from lrlab.datasets import list_datasets
from lrlab.desk import Desk
from lrlab.disk import GB, DiskUse, amount
from lrlab.errors import NotFound
from lrlab.files import is_id
from lrlab.jobs import lab_words as known
from lrlab.jobs.cleaning import Cleared
from lrlab.jobs.lab import Lab
from lrlab.jobs.machine import Device
from lrlab.jobs.processes import Process
from lrlab.runs import FINAL, RunRecord, RunStatus, ago, best_words, load_run
from lrlab.web.strip import left

SOMEBODY = "A run of somebody else"
OLD = 60.0
"""Seconds from which on a figure is worth waiting for the next."""

LARGEST = 6
"""So many of the things that take the most room are named."""


@dataclass(frozen=True)
class Standing:
    """Where a run at work stands, and whether a stop was asked for."""

    status: RunStatus
    stopping: bool


def at_work(standing: Standing, record: RunRecord, memory: int | None, may: dict[str, bool]) -> dict[str, Any]:
    """A run that a worker has; `memory`: its process's bytes, where it is on this machine."""
    status = standing.status
    progress = f"epoch {status.epoch:,} of {status.epochs:,}" if status.epoch else status.message
    speed = f"{status.images_per_second:,.0f} images/s" if status.images_per_second else ""
    told = [
        "stopping" if standing.stopping else "no progress lately" if status.state == "stalled" else "",
        progress[:1].lower() + progress[1:],
        left(status.eta, at_most=record.finder is not None) if status.eta is not None else "",
        speed,
        status.device,
        f"{amount(_rounded(memory))} of memory" if memory else "",
    ]
    return _row(record, may) | {
        "state": "stopping" if standing.stopping else status.state,
        "facts": " · ".join(filter(None, told)),
        "share": status.share,
    }


def waiting(record: RunRecord, may: dict[str, bool]) -> dict[str, Any]:
    """A run that waits."""
    return _row(record, may) | {"state": "queued", "facts": _what(record)}


def ended(record: RunRecord, may: dict[str, bool]) -> dict[str, Any]:
    """A run that ended a while ago, the cause where it did not succeed."""
    result = record.result.best_val_accuracy
    best = best_words(result, record.best_by) if result is not None else ""
    cause = record.cause.partition("\n")[0].partition("; its log ends with")[0]
    when = ago(time.time() - record.ended) if record.ended else ""
    row = _row(record, may | {"retry": may["retry"] and record.state != "succeeded"})
    return row | {
        "state": record.state,
        "facts": " · ".join(filter(None, (record.state, cause, best if not cause else "", when))),
    }


def somebody_elses(record: RunRecord) -> dict[str, Any]:
    """A run that the person may not see, but which is before theirs; its key tells nothing of it."""
    return {
        "key": f"hidden-{abs(hash((record.id, record.created)))}", "id": "", "name": SOMEBODY, "kind": record.kind,
        "colour": "", "owner": "", "facts": "", "state": "", "may": {},
    }  # fmt: skip


def device(one: Device) -> dict[str, Any]:
    """A device with its two bars, 0 to 1."""
    share = one.memory_used / one.memory_total if one.memory_used is not None and one.memory_total else None
    return {
        "kind": one.kind,
        "name": one.name,
        "load": None if one.load is None else round(one.load, 2),
        "busy": known.busy(one),
        "memory": None if share is None else round(share, 2),
        "used": known.memory(one),
    }


def process(one: Process, lab: Lab, run_name: str) -> dict[str, Any]:
    """A process: what it is, what for, what it takes."""
    title, purpose = known.role(one, lab)
    return {
        "pid": one.pid,
        "title": f"{title}: {run_name}" if run_name else title,
        "purpose": purpose,
        "memory": amount(_rounded(one.memory)),
        "load": known.cores(one.load if one.load is None else round(one.load, 2)),
    }


def in_all(processes: Iterable[Process]) -> str:
    """The memory of all processes together."""
    return amount(_rounded(sum(one.memory for one in processes)))


def limits(lab: Lab) -> list[tuple[str, str]]:
    return known.limits(lab)


def disk(lab: Lab, desk: Desk) -> dict[str, Any] | None:
    """What takes the disk, by parts and by what takes most; None before it was measured once."""
    use, limit = lab.disk, lab.settings.limits.disk_gb
    if use is None:
        return None
    sizes = known.sizes(use)
    whole = max(use.total, 1) if limit is None else max(use.total, round(limit * GB))
    free = f"{amount(_rounded(lab.free))} free"
    of = f"{amount(use.total)} of {limit:g} GB allowed" if limit else f"{amount(use.total)} in all"
    return {
        "parts": [
            {"key": key, "title": known.PARTS[key], "size": amount(size), "share": round(size / whole, 4)}
            for key, size in sizes.items()
        ],
        "total": f"{of} · {free}",
        "measured": _age(use, lab.measuring),
        "caches": amount(sizes["cache"]) if sizes["cache"] else "",
        "checkpoints": amount(sizes["checkpoints"]) if sizes["checkpoints"] else "",
        "largest": largest(use, desk),
    }


def _age(use: DiskUse, measuring: bool) -> str:
    """How old the figure is; that it is measured again is told only where it is old: a young one is, all the time."""
    age = time.time() - use.measured
    return f"measured {ago(age)}" + (", again now" if measuring and age >= OLD else "")


def largest(use: DiskUse, desk: Desk) -> list[dict[str, Any]]:
    """The data sets and ended runs of which the person may delete which, the largest first."""
    found: list[tuple[int, dict[str, Any]]] = []
    for dataset in list_datasets(desk.home):
        size = use.datasets.get(dataset.id, 0)
        if size and desk.may("delete a data set", dataset):
            found.append((size, {"kind": "dataset", "id": dataset.id, "name": dataset.name, "facts": "data set"}))
    for run_id, size in sorted(use.runs.items(), key=lambda item: -item[1])[: 4 * LARGEST]:
        if not is_id(run_id):
            continue
        try:
            record = load_run(run_id, desk.home).record
        except NotFound:
            continue
        if record.state in FINAL and desk.may("delete a run", record):
            kind = "LR search" if record.kind == "find_lr" else "run"
            found.append((size, {"kind": record.kind, "id": run_id, "name": record.name, "facts": kind}))
    found.sort(key=lambda item: -item[0])
    return [{**row, "size": amount(size)} for size, row in found[:LARGEST]]


def cleared(done: Cleared) -> str:
    """What a clean-up did, a sentence or two."""
    freed = f"{amount(done.freed)} freed." if done.freed else "There was nothing to clear."
    if done.kept:
        freed += f" The decoded images of {', '.join(done.kept)} stay: a run at work reads them."
    return freed


def _row(record: RunRecord, may: dict[str, bool]) -> dict[str, Any]:
    return {
        "key": record.id,
        "id": record.id,
        "name": record.name,
        "kind": record.kind,
        "colour": colour(record.colour),
        "owner": record.owner,
        "may": may,
    }


def _what(record: RunRecord) -> str:
    """What a run that waits will do."""
    experiment = record.experiment
    if record.finder:
        return f"looks for an LR for {experiment.model.name} on {record.dataset.name}"
    epochs = f"{record.epochs:,} epoch{'s' if record.epochs != 1 else ''}"
    return f"{experiment.model.name} on {record.dataset.name} · {epochs}"


def _rounded(count: int) -> int:
    """Bytes to some ten megabytes: what a process takes trembles."""
    return round(count / 10_000_000) * 10_000_000
