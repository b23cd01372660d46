"""Runs as they happen: one event stream a tab, each distinct view followed and drawn once however many tabs watch it.

A tab that is slow to read skips what it missed: an event holds the whole picture, and only the newest is ever sent.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from lrlab.desk import Desk
from lrlab.errors import NotFound
from lrlab.home import Home
from lrlab.rights import LOCAL
from lrlab.web.access import Access, desk_of
from lrlab.web.exit_signals import at_exit_signal
from lrlab.web.pacing import Pace
from lrlab.web.view import Builder, Event, View

TICK = 0.5
"""Seconds between two looks at the runs of a view; more in a full class, see pacing.py."""

LOOKERS = 2
"""Looks at a time: more would only wait for each other, and each thread holds memory of its own."""

SIGN_OF_LIFE = 10.0
"""Seconds after which a silent stream sends a comment, so that no proxy takes it for dead."""

RECONNECT_MS = 1000

_hubs: weakref.WeakSet[Hub] = weakref.WeakSet()


def routes(home: Home, access: Access) -> list[Route]:
    """GET /api/live?runs=ID,ID&x=epoch|step|seconds&log=0|1, a stream of `news` events and one `last` event.

    The data of each: {"figure": Figure, "smoothed": updates or null, "runs": [strip, ...]}. See `view.Builder`.
    """
    hub = Hub(home)

    async def live(request: Request) -> Response:
        desk, view = desk_of(request), View.from_query(request.query_params)
        others = await run_in_threadpool(only_watched, desk, view.runs)
        return await hub.stream(replace(view, others=others), still_seen(access, request, others))

    def watched(desk: Desk, request: HTTPConnection, action: str) -> None:
        for run_id in View.from_query(request.query_params).runs:
            desk.run(run_id, action)

    return [access.route("/api/live", live, "watch runs", found=watched)]


def only_watched(desk: Desk, runs: Iterable[str]) -> frozenset[str]:
    """Those of the runs that are somebody else's, to look at and do nothing to."""
    if desk.person.may_all:
        return frozenset()
    return frozenset(run_id for run_id in runs if not desk.may("stop a run", desk.run(run_id).record))


def still_seen(access: Access, request: Request, others: frozenset[str] = frozenset()) -> Callable[[], bool] | None:
    """Whether a stream may go on, which can end while it is watched: whoever asked is who they were, and sees the
    `others` of its runs, which are somebody else's. None where nobody signs in, so that nothing can change."""
    desk = desk_of(request)
    if desk.person == LOCAL:
        return None

    def seen() -> bool:
        try:
            return access.unchanged(request) and all(desk.run(run_id) for run_id in others)
        except NotFound:
            return False

    return seen


@contextmanager
def streams_end_with_server() -> Iterator[None]:
    """While the server lives: when it is told to stop, the streams end, since it waits for every open answer."""

    def end() -> None:
        for hub in list(_hubs):
            hub.close()

    with at_exit_signal(end):
        yield


class Watched(Protocol):
    """What makes the events of one view."""

    def poll(self) -> Event | None:
        """The event to send now, or None where nothing has changed since the last one."""


class Hub:
    """The views that are being watched. Lives in one event loop; files are read and figures drawn in threads.

    `build` makes what is watched from the home and a view (default: view.Builder); views that are equal share it.
    """

    def __init__(self, home: Home, tick: float = TICK, build: Callable[[Home, Any], Watched] | None = None) -> None:
        self._home, self._build = home, build
        self._pace, self._lookers = Pace(tick), CapacityLimiter(LOOKERS)
        self._channels: dict[Hashable, Channel] = {}
        _hubs.add(self)

    async def stream(self, view: Hashable, allowed: Callable[[], bool] | None = None) -> Response:
        """The answer that streams `view`; what cannot be shown is refused before the stream begins.

        `allowed`: asked before every event whether the tab may still have it; the stream ends where it may not.
        """
        await self.channel(view)
        return StreamingResponse(
            self.follow(view, allowed),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def channel(self, view: Hashable) -> Channel:
        """The channel of `view`, made where nobody watches it yet; NotFound where a run does not exist."""
        channel = self._channels.get(view)
        if channel is None or channel.over:
            build: Callable[[Home, Any], Watched] = self._build or Builder
            builder = await run_in_threadpool(build, self._home, view)
            # Another tab may have asked for the same while this one waited.
            channel = self._channels.get(view)
            if channel is None or channel.over:
                channel = self._channels[view] = Channel(builder, self._pace, self._lookers)
        return channel

    async def follow(self, view: Hashable, allowed: Callable[[], bool] | None = None) -> AsyncIterator[bytes]:
        """The events of `view` as bytes, until its last one or until nobody reads them any more."""
        channel = await self.channel(view)
        channel.listen()
        try:
            yield f"retry: {RECONNECT_MS}\n\n".encode()
            seen = 0
            while True:
                newest = await channel.newer_than(seen, SIGN_OF_LIFE)
                if allowed and not await run_in_threadpool(allowed):
                    return
                if newest:
                    seen, event = newest
                    yield event.data
                    if event.last:
                        return
                elif channel.over:
                    return
                else:
                    yield b": still here\n\n"
        finally:
            if not channel.leave() and self._channels.get(view) is channel:
                del self._channels[view]

    def close(self) -> None:
        """Ends every stream; a browser reconnects by itself once there is a server again."""
        for channel in list(self._channels.values()):
            channel.close()


class Channel:
    """One view: a task that looks for news while anybody listens, and the newest event."""

    def __init__(self, builder: Watched, pace: Pace, lookers: CapacityLimiter) -> None:
        self.over = False
        self._builder, self._pace, self._lookers = builder, pace, lookers
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None
        self._event: Event | None = None
        self._version = 0
        self._news = asyncio.Event()

    def listen(self) -> None:
        """One listener more; the first one starts the looking."""
        self._listeners += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self) -> int:
        """One listener less; how many are left. The last one ends the looking."""
        self._listeners -= 1
        if not self._listeners:
            self.close()
        return self._listeners

    def close(self) -> None:
        """Ends the looking; whoever still listens is told nothing more."""
        self.over = True
        if self._task:
            self._task.cancel()
        self._wake()

    async def newer_than(self, seen: int, patience: float) -> tuple[int, Event] | None:
        """The newest event and its version once that is above `seen`; None after `patience` seconds, or at the end."""
        if self._version <= seen and not self.over:
            news = self._news
            try:
                async with asyncio.timeout(patience):
                    await news.wait()
            except TimeoutError:
                return None
        return (self._version, self._event) if self._event and self._version > seen else None

    async def _run(self) -> None:
        try:
            while True:
                event, seconds = await to_thread.run_sync(self._look, limiter=self._lookers)
                self._pace.took(self, seconds)
                if event:
                    self._event = event
                    self._version += 1
                    self._wake()
                    if event.last:
                        return
                await asyncio.sleep(self._pace.interval)
        finally:
            # Also where a look failed: the streams end, the browsers ask again, and the log says why.
            self._pace.forget(self)
            self.over = True
            self._wake()

    def _look(self) -> tuple[Event | None, float]:
        """What is new, and the seconds of one core that it took to see."""
        began = time.thread_time()
        return self._poll(), time.thread_time() - began

    def _poll(self) -> Event | None:
        try:
            return self._builder.poll()
        except NotFound:
            return None  # a run was deleted between two looks at its files; the next poll leaves it out

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
