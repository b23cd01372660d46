"""What stands beside a single run: the hand on its LR, going on with it, early stopping, and what to try next."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from lrlab.datasets import load_dataset, split
from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.runs import Run, RunRecord, RunStatus, Tail, advise
from lrlab.runs.stopping import course_of, outlook
from lrlab.web.hand import again, hand

EVERY = 5.0
"""Seconds between two thoughts about a run whose epochs are short: each looks at the whole log."""


def without(advice: Iterable[Mapping[str, Any]], deeds: Collection[str]) -> list[dict[str, Any]]:
    """`advice`, as `Aside.look` tells it, without the buttons that do one of `deeds`."""
    return [{**one, "deed": "", "label": ""} if one["deed"] in deeds else dict(one) for one in advice]


class Aside:
    """Follows one run. What takes more than a moment is done once an epoch, and every EVERY seconds at most."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._images: dict[str, int] | None = None
        self._looked: tuple[int, tuple[str, int]] | None = None
        self._thought = 0.0
        self._advice: list[dict[str, Any]] = []
        self._early = ""

    def look(self, home: Home, status: RunStatus, tail: Tail) -> dict[str, Any]:
        """{"hand", "again": as in `hand`; "notes": sentences on how it began again and on early stopping;
        "advice": the fields of each `Advice`}, ready for JSON."""
        record = self._run.record
        seen = (len(tail.epochs), (status.state, len(record.lr_changes)))
        if seen != self._looked and self._is_time(seen[1]):
            self._looked, self._thought = seen, time.monotonic()
            self._advice = self._advise(home, record, status, tail)
            self._early = self._near_its_end(record, status, tail)
        lr = float(tail.steps["lr"].iloc[-1]) if len(tail.steps) else None
        onward = again(self._run, record, status)
        stays = onward is not None and not onward["offered"]
        return {
            "hand": hand(self._run, record, status, lr),
            "again": onward,
            "notes": [note for note in (_remark(record), self._early) if note],
            "advice": without(self._advice, ("resume",)) if stays else self._advice,
        }

    def _is_time(self, turn: tuple[str, int]) -> bool:
        """A `turn` that the run has taken is not waited with, a further epoch may be."""
        return self._looked is None or turn != self._looked[1] or time.monotonic() - self._thought >= EVERY

    def _advise(self, home: Home, record: RunRecord, status: RunStatus, tail: Tail) -> list[dict[str, Any]]:
        if not len(tail.steps):
            return []
        if self._images is None:
            self._images = _images(home, record)
        found = advise(record, tail.steps, tail.epochs, live=not status.final, images=self._images)
        return [asdict(one) for one in found]

    def _near_its_end(self, record: RunRecord, status: RunStatus, tail: Tail) -> str:
        stopping = record.experiment.early_stopping
        if status.final:
            return record.result.closing
        if stopping.monitor == "none":
            return ""
        return outlook(course_of(record), stopping, tail.epochs[stopping.monitor].tolist(), record.more_from)


def _remark(record: RunRecord) -> str:
    return record.attempts[-1].remark if record.attempts else ""


def _images(home: Home, record: RunRecord) -> dict[str, int]:
    """The training images of each class; empty where the data set is not there any more."""
    try:
        dataset = load_dataset(home, record.dataset.id)
        rows = split(dataset, record.experiment.validation).train
    except LabError:
        return {}
    counts = np.bincount(dataset.images["label"].to_numpy()[rows], minlength=len(dataset.classes))
    return dict(zip(dataset.classes, counts.tolist(), strict=True))
