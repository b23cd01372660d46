"""The lab as it goes: what is at work and waits, the machine and the disk, streamed; and what a page does about it.

GET  /api/lab                      a stream of `news` events, see `LabBuilder`
POST /api/runs/ID/move?place=N     gives a run that waits this place, 1 being next
POST /api/runs/ID/retry            lets a run that did not reach its end be tried again
POST /api/lab/clear                deletes what is made anew when it is needed -> {"text"}
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lrlab import jobs
from lrlab.desk import Desk
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.jobs.cleaning import clear_caches
from lrlab.jobs.lab import Lab, Watch
from lrlab.rights import Person
from lrlab.runs import FINAL, RunRecord, load_run, stop_requested
from lrlab.web import lab_words as words
from lrlab.web.access import Access, desk_of
from lrlab.web.live import Hub, still_seen
from lrlab.web.view import Event

EVERY = 2.0
"""Seconds between two looks at the machine and the processes."""

FRESH = 0.4
"""Seconds for which a look at the queue does for everybody; below the stream's tick."""

DISK_EVERY = 10.0
"""Seconds after which the age of the disk's figure is told anew."""

MOST_WAITING = 50
"""So many of the runs that wait are listed."""


def routes(home: Home, access: Access) -> list[Route]:
    """The routes above, guarded."""
    shared = Watch(home, server=True, every=EVERY, fresh=FRESH)
    hub = Hub(home, build=lambda home, view: LabBuilder(home, view, shared))

    async def watch(request: Request) -> Response:
        return await hub.stream(LabView(desk_of(request).person), still_seen(access, request))

    async def move(request: Request) -> Response:
        place = request.query_params.get("place", "")
        if not (place.isascii() and place.isdecimal() and len(place) <= 6):
            raise LabError(f"place: got {place[:40]!r}, allowed: a whole number from 1 on", field="place")
        await run_in_threadpool(jobs.move, home, request.path_params["run_id"], int(place))
        return JSONResponse({"run": request.path_params["run_id"]})

    async def retry(request: Request) -> Response:
        await run_in_threadpool(desk_of(request).retry, request.path_params["run_id"])
        return JSONResponse({"run": request.path_params["run_id"]})

    async def clear(request: Request) -> Response:
        return JSONResponse({"text": words.cleared(await run_in_threadpool(clear_caches, home))})

    return [
        access.route("/api/lab", watch, "read the lab's status"),
        access.route("/api/runs/{run_id}/move", move, "move a run in the queue", ("POST",)),
        access.route("/api/runs/{run_id}/retry", retry, "try a run again", ("POST",)),
        access.route("/api/lab/clear", clear, "clean up the lab", ("POST",)),
    ]


@dataclass(frozen=True)
class LabView:
    """Whoever looks: people with the same rights to the same things see the same, so a person's tabs share the work."""

    person: Person


class LabBuilder:
    """Follows the lab and makes an event whenever something about it has changed. For one thread at a time.

    The data of an event: {"running", "waiting", "ended": [row, ...], "more": how many wait beside those listed,
    "devices", "processes", "disk", "limits": as lab_words.py makes them, "may": {deed: bool}, "fault": a sentence}.
    Where the lab's settings have a fault, that is all there is.
    """

    def __init__(self, home: Home, view: LabView, watch: Watch) -> None:
        self._desk, self._watch = Desk(home, view.person), watch
        self._told: dict[str, Any] | None = None
        self._disk_words: dict[str, Any] | None = None
        self._figure: object = None
        self._disk_told = float("-inf")

    def poll(self) -> Event | None:
        """The event to send now, or None where nothing has changed since the last one."""
        try:
            told = self._look()
        except LabError as error:
            told = {"fault": str(error)}
        if told == self._told:
            return None
        self._told = told
        return Event(b"event: news\ndata: %b\n\n" % json.dumps(told).encode(), last=False)

    def _look(self) -> dict[str, Any]:
        desk, lab = self._desk, self._watch.look()
        memory = {process.run: process.memory for process in lab.processes if process.run}
        names = {record.id: record.name for record, seen in self._records(lab.running) if seen}
        waiting = lab.waiting[:MOST_WAITING]
        return {
            "running": [
                words.at_work(self._status(record), record, memory.get(record.id), self._deeds(record))
                if seen
                else words.somebody_elses(record)
                for record, seen in self._records(lab.running)
            ],
            "waiting": [
                words.waiting(record, self._deeds(record)) if seen else words.somebody_elses(record)
                for record, seen in self._records(waiting)
            ],
            "more": len(lab.waiting) - len(waiting),
            "ended": [
                words.ended(record, self._deeds(record))
                for record, seen in self._records(lab.lately(desk.sees))
                if seen and record.state in FINAL  # the look is a moment old: it may have been queued again since
            ],
            "devices": [words.device(device) for device in lab.machine.devices],
            "gpus": lab.machine.gpus,
            "processes": [words.process(process, lab, names.get(process.run, "")) for process in lab.processes],
            "in_all": words.in_all(lab.processes),
            "disk": self._disk(lab),
            "limits": words.limits(lab),
            "may": {"move": desk.may("move a run in the queue"), "clear": desk.may("clean up the lab")},
            "fault": "",
        }

    def _disk(self, lab: Lab) -> dict[str, Any] | None:
        """Told anew with every figure, and now and then for its age: the words come from many records."""
        now, figure = time.monotonic(), (lab.disk and lab.disk.measured, lab.measuring)
        if figure != self._figure or now - self._disk_told >= DISK_EVERY:
            self._disk_words, self._figure, self._disk_told = words.disk(lab, self._desk), figure, now
        return self._disk_words

    def _records(self, run_ids: Iterable[str]) -> Iterator[tuple[RunRecord, bool]]:
        """The runs that are still there, and whether the person sees them."""
        for run_id in run_ids:
            with suppress(NotFound):
                record = load_run(run_id, self._desk.home).record
                yield record, self._desk.sees(record)

    def _status(self, record: RunRecord) -> words.Standing:
        run = load_run(record.id, self._desk.home)
        return words.Standing(jobs.run_status(self._desk.home, record.id), stop_requested(run))

    def _deeds(self, record: RunRecord) -> dict[str, bool]:
        """What the person may do to the run."""
        asked = {"stop": "stop a run", "retry": "try a run again"}
        return {name: self._desk.may(action, record) for name, action in asked.items()}
