"""An LR finder's run as it happens: its figure and where it stands, streamed to every tab that watches it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lrlab import jobs
from lrlab.charts import finder_figure
from lrlab.charts.finder import CURVE
from lrlab.errors import NotFound
from lrlab.experiments import Finder
from lrlab.home import Home
from lrlab.runs import RunStatus, Tail, load_run, stop_requested
from lrlab.runs.finder import findings
from lrlab.web.access import Access, desk_of
from lrlab.web.live import Hub, only_watched, still_seen
from lrlab.web.strip import left, sentence
from lrlab.web.view import Event


def routes(home: Home, access: Access) -> list[Route]:
    """GET /api/finder/ID, a stream of `news` events and one `last` event; see `FinderBuilder`."""
    hub = Hub(home, build=FinderBuilder)

    async def finder(request: Request) -> Response:
        desk, run_id = desk_of(request), request.path_params["run_id"]
        others = await run_in_threadpool(only_watched, desk, [run_id])
        return await hub.stream(Search(run_id, mine=not others), still_seen(access, request, others))

    return [access.route("/api/finder/{run_id}", finder, "watch runs")]


@dataclass(frozen=True)
class Search:
    """The run that a tab watches. `mine`: whoever watches may stop it."""

    run_id: str
    mine: bool = True


class FinderBuilder:
    """Follows one finder's run and makes an event whenever something about it has changed. For one thread at a time.

    The data of an event: {"figure": Figure, "drawing": a number that changes with the figure, "drawable": whether there
    is a point, "seeds": int, "run": where it stands, in words}.
    """

    def __init__(self, home: Home, search: Search) -> None:
        """NotFound where there is no such run, or it trains a model."""
        self._home, self._run, self._mine = home, load_run(search.run_id, home), search.mine
        record = self._run.record
        if record.finder is None:
            raise NotFound(f"run {search.run_id} finds no LR", field="run")
        self._finder: Finder = record.finder
        self._tail = Tail(self._run)
        self._figure, self._drawing = b"", 0
        self._drawn: tuple[int, bool] | None = None
        self._told: dict[str, Any] | None = None

    def poll(self) -> Event | None:
        """The event to send now, or None where nothing has changed since the last one."""
        # The state is read before the rows, so that rows which came before the end are never missed at the end.
        status = jobs.run_status(self._home, self._run.id)
        self._tail.poll()
        steps = self._tail.steps
        shown = (len(steps), status.final)
        if shown != self._drawn:
            found = findings(self._finder, steps, ended=status.final)
            self._figure = json.dumps(finder_figure(found)).encode()
            self._drawn, self._drawing = shown, self._drawing + 1
        told = self._words(status) | {"drawing": self._drawing}
        if told == self._told:
            return None
        self._told = told
        rest = {"drawing": self._drawing, "drawable": len(steps) > 0, "seeds": self._finder.seeds, "run": told}
        data = b'{"figure":%b,%b' % (self._figure, json.dumps(rest).encode()[1:])
        name = b"last" if status.final else b"news"
        return Event(b"event: %b\ndata: %b\n\n" % (name, data), status.final)

    def _words(self, status: RunStatus) -> dict[str, Any]:
        """The run's strip: a cause stands in its own place, and then nothing else says it again."""
        failed = status.state in ("failed", "lost")
        return {
            "id": status.id,
            "name": status.name,
            "state": status.state,
            "final": status.final,
            "can_stop": self._mine and not status.final,
            "colour": CURVE,
            "share": 1.0 if status.state == "succeeded" else status.share,
            "stopping": stop_requested(self._run) and not status.final,
            "message": "" if failed else sentence(status.message),
            "left": left(status.eta, at_most=True) if status.eta is not None else "",
            "device": status.device,
            "cause": sentence(status.cause) if failed else "",
            "advice": sentence(status.advice),
        }
