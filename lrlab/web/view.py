"""What a tab watches, and the events that show it. Runs in a thread: it reads files and draws figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from lrlab import jobs
from lrlab.charts import Series, distinct_colours, series, smoothing_window, training_figure
from lrlab.charts.series import Axis
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.runs import Run, RunStatus, Tail, legend, load_run, status, stop_requested
from lrlab.web.aside import Aside, without
from lrlab.web.strip import strip

MOST_RUNS = 16
"""More curves than this in one chart tell nothing."""


TO_THE_RUN = ("resume", "lr")
"""The deeds of advice that are done to the run itself."""


def barred(strip: Mapping[str, Any]) -> dict[str, Any]:
    """What `strip` says instead where it is somebody else's run: nothing that can be done to it."""
    return {"can_stop": False, "hand": None, "again": None, "advice": without(strip.get("advice", ()), TO_THE_RUN)}


@dataclass(frozen=True)
class View:
    """What a tab asks for. Tabs that ask for the same share the work.

    `others`: those of the runs that whoever watches may look at and do nothing to.
    """

    runs: tuple[str, ...]
    x: Axis = "epoch"
    log_lr: bool = False
    others: frozenset[str] = frozenset()

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> View:
        """Reads `runs=ID,ID&x=epoch&log=0`; LabError names what is wrong."""
        runs = tuple(dict.fromkeys(part for part in query.get("runs", "").split(",") if part))
        x, log = query.get("x", "epoch"), query.get("log", "0")
        if not 1 <= len(runs) <= MOST_RUNS:
            raise LabError(f"runs: got {len(runs)}, allowed: 1 to {MOST_RUNS} ids, joined by commas", field="runs")
        if x not in get_args(Axis):
            raise LabError(f"x: got {x[:40]!r}, allowed: {', '.join(get_args(Axis))}", field="x")
        if log not in ("0", "1"):
            raise LabError(f"log: got {log[:40]!r}, allowed: 0 or 1", field="log")
        return cls(runs, cast(Axis, x), log == "1")


@dataclass(frozen=True)
class Event:
    """One server-sent event as bytes; after a `last` one nothing will change."""

    data: bytes
    last: bool


class Builder:
    """Follows the runs of one view and makes an event whenever something about them has changed.

    For one thread at a time. The data of an event: {"figure": Figure, "drawing": a number that changes with the figure,
    "smoothed": over how many updates the training loss is smoothed (null: not the same for all), "runs": [strip, ...]}.
    A single run's strip also has what `Aside` says of it.
    """

    def __init__(self, home: Home, view: View) -> None:
        """NotFound where one of the runs does not exist."""
        self._home, self._view = home, view
        self._followed = [_Followed(load_run(run_id, home)) for run_id in view.runs]
        self._looks: list[tuple[str, str, bool]] = []
        self._figure, self._drawing = b"", 0
        self._strips: list[dict[str, Any]] | None = None

    def poll(self) -> Event | None:
        """The event to send now, or None where nothing has changed since the last one."""
        fresh = self._read()
        shown = self._followed
        labels = legend([one.run for one in shown]) if len(shown) > 1 else [one.status.name for one in shown]
        shades = distinct_colours([one.colour for one in shown])
        strips = [one.strip(label, shade) for one, label, shade in zip(shown, labels, shades, strict=True)]
        if len(shown) == 1:  # what can be done to one run, and what to try next
            strips[0] |= shown[0].aside(self._home)
        for one in strips:
            if one["id"] in self._view.others:
                one |= barred(one)
        if not fresh and strips == self._strips:
            return None
        self._strips = strips
        # How a run is drawn depends on these beside its rows: what is still to come is drawn while it lives.
        looks = list(zip(labels, shades, (one.status.final for one in shown), strict=True))
        if fresh or looks != self._looks:
            self._figure, self._looks, self._drawing = self._draw(looks), looks, self._drawing + 1
        last = all(one.status.final for one in shown)
        windows = {smoothing_window(one.steps_per_epoch) for one in shown}
        rest = {"drawing": self._drawing, "smoothed": windows.pop() if len(windows) == 1 else None, "runs": strips}
        data = b'{"figure":%b,%b' % (self._figure, json.dumps(rest).encode()[1:])
        return Event(b"event: %b\ndata: %b\n\n" % (b"last" if last else b"news", data), last)

    def _read(self) -> bool:
        """Whether there are new rows, or fewer runs; those deleted meanwhile are shown no more."""
        kept, fresh = [], False
        for one in self._followed:
            try:
                fresh |= one.read(self._home)
            except NotFound:
                fresh = True
            else:
                kept.append(one)
        self._followed = kept
        return fresh

    def _draw(self, looks: Sequence[tuple[str, str, bool]]) -> bytes:
        shown = [one.series(label, shade) for one, (label, shade, _) in zip(self._followed, looks, strict=True)]
        return json.dumps(training_figure(shown, x=self._view.x, log_lr=self._view.log_lr)).encode()


class _Followed:
    """One run of a view: the growing log, and how it stood when it was last read."""

    def __init__(self, run: Run) -> None:
        self.run = run
        record = run.record
        self.colour, self.steps_per_epoch = record.colour, record.steps_per_epoch
        self._tail = Tail(run)
        self._aside = Aside(run)
        self._written: int | None = None
        self.status: RunStatus = status(run)

    def read(self, home: Home) -> bool:
        """Reads what is new; whether there were rows. NotFound where the run was deleted."""
        # The state is read before the rows, so that rows which came before the end are never missed at the end.
        written = self._run_json_time()
        if not self.status.final or written != self._written:
            self._written = written
            self.status = jobs.run_status(home, self.run.id)
        return self._tail.poll()

    def _run_json_time(self) -> int:
        try:
            return (self.run.folder / "run.json").stat().st_mtime_ns
        except FileNotFoundError:
            raise NotFound(f"there is no run {self.run.id}") from None

    def strip(self, label: str, shade: str) -> dict[str, Any]:
        run = self.run
        best, last = run.best_model.is_file(), run.last_model.is_file()
        return strip(self.status, label, shade, stopping=stop_requested(run), has_best=best, has_last=last)

    def aside(self, home: Home) -> dict[str, Any]:
        return self._aside.look(home, self.status, self._tail)

    def series(self, label: str, shade: str) -> Series:
        live = not self.status.final
        return series(self.run, shade, label, steps=self._tail.steps, epochs=self._tail.epochs, live=live)
