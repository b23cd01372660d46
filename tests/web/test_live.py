"""The event streams: many tabs cost no more than one, each stream has its end, and the route to them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.errors import NotFound
from lrlab.web import live, view
from lrlab.web.access import Access
from lrlab.web.live import Hub
from lrlab.web.pacing import Pace
from lrlab.web.view import Builder, Event, View

from .streams import parsed, points, run_for

FAST = 0.01


async def next_event(stream: AsyncIterator[bytes]) -> tuple[str, dict[str, Any]]:
    async for part in stream:
        if part.startswith(b"event:"):
            return parsed(part)
    raise AssertionError("the stream ended")


# ---- many tabs ------------------------------------------------------------------------------------------------------


class Counting:
    """In place of a Builder: counts its polls; each gives an event with their number, the last one after `ends`."""

    def __init__(self, ends: int = 10**9) -> None:
        self.polls, self.ends = 0, ends

    def __call__(self, home: Any, view: View) -> Counting:
        return self

    def poll(self) -> Event:
        self.polls += 1
        return Event(b"event: news\ndata: %d\n\n" % self.polls, self.polls >= self.ends)


@pytest.fixture
def counting(monkeypatch):
    counter = Counting()
    monkeypatch.setattr(live, "Builder", counter)
    return counter


async def opened(hub: Hub, wanted: View) -> AsyncIterator[bytes]:
    stream = hub.follow(wanted)
    assert (await anext(stream)).startswith(b"retry: ")
    return stream


def test_thirty_tabs_cost_one_poll_a_tick(home, counting):
    counting.ends = 20

    async def watch(hub: Hub) -> list[bytes]:
        return [part async for part in await opened(hub, View(("abc",)))]

    async def thirty() -> list[list[bytes]]:
        hub = Hub(home, FAST)
        return list(await asyncio.gather(*(watch(hub) for _ in range(30))))

    seen = run_for(thirty())
    assert counting.polls == 20
    assert all(parts[-1] == b"event: news\ndata: 20\n\n" for parts in seen)


def test_a_slow_tab_skips_what_it_missed(home, counting):
    async def slow() -> bytes:
        hub = Hub(home, FAST)
        stream = await opened(hub, View(("abc",)))
        await anext(stream)
        while counting.polls < 10:
            await asyncio.sleep(FAST)
        newest = await anext(stream)
        await stream.aclose()
        return newest

    assert int(run_for(slow()).split()[-1]) >= 9


def test_the_looking_ends_with_the_last_tab(home, counting):
    async def come_and_go() -> tuple[int, int]:
        hub = Hub(home, FAST)
        one, other = await opened(hub, View(("abc",))), await opened(hub, View(("abc",)))
        await anext(one)
        await one.aclose()
        await anext(other)
        await anext(other)
        await other.aclose()
        polls = counting.polls
        await asyncio.sleep(20 * FAST)
        return polls, counting.polls

    before, after = run_for(come_and_go())
    assert after <= before + 1  # one poll may have been under way


def test_a_tab_that_comes_as_the_last_one_leaves_is_served(home, counting):
    async def change_over() -> bytes:
        hub = Hub(home, FAST)
        one, other = await opened(hub, View(("abc",))), hub.follow(View(("abc",)))
        await anext(one)
        await one.aclose()
        await anext(other)
        event = await anext(other)
        await other.aclose()
        return event

    assert run_for(change_over()).startswith(b"event: news")


def test_different_views_are_different_work(home, counting):
    async def both() -> int:
        hub = Hub(home, FAST)
        streams = [await opened(hub, View(("abc",), x)) for x in ("epoch", "step")]
        for stream in streams:
            await anext(stream)
            await stream.aclose()
        return counting.polls

    assert run_for(both()) >= 2


def test_a_silent_stream_shows_that_it_lives(home, start_run, monkeypatch):
    monkeypatch.setattr(live, "SIGN_OF_LIFE", 0.05)
    worker = start_run().train(3)

    async def silent() -> list[bytes]:
        stream = await opened(Hub(home, FAST), View((worker.run.id,)))
        parts = [await anext(stream) for _ in range(3)]
        await stream.aclose()
        return parts

    event, *comments = run_for(silent())
    assert event.startswith(b"event: news")
    assert all(comment.startswith(b": ") for comment in comments)


def test_rows_reach_a_tab_as_they_are_written(home, start_run):
    worker = start_run(epochs=2).train(1)

    async def watch() -> list[tuple[str, int]]:
        stream = await opened(Hub(home, FAST), View((worker.run.id,), "step"))
        seen = []
        for deed in (lambda: worker.train(2), lambda: worker.train().end(), None):
            name, data = await next_event(stream)
            seen.append((name, points(data)))
            if deed:
                deed()
        # The end may come in one event or, where it is noticed between row and state, in two.
        while seen[-1][0] != "last":
            name, data = await next_event(stream)
            seen.append((name, points(data)))
        return [seen[0], seen[1], seen[-1]]

    assert run_for(watch()) == [("news", 1), ("news", 3), ("last", 10)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_ends_all_streams(home, counting, number):
    async def ended() -> list[bytes]:
        stream = await opened(Hub(home, FAST), View(("abc",)))
        await anext(stream)
        with live.streams_end_with_server():
            signal.raise_signal(number)
            return [part async for part in stream]

    before = signal.signal(number, lambda *_: None)
    try:
        assert len(run_for(ended())) <= 1
    finally:
        signal.signal(number, before)


def test_after_the_end_a_view_starts_anew(home, counting):
    async def twice() -> list[int]:
        hub = Hub(home, FAST)
        counts = []
        for ends in (3, 5):
            counting.ends = ends
            counts.append(len([part async for part in await opened(hub, View(("abc",)))]))
        return counts

    assert all(run_for(twice()))


def test_a_view_that_cannot_be_drawn_ends_its_streams(home, counting, monkeypatch):
    def broken() -> Event:
        raise RuntimeError("broken")

    monkeypatch.setattr(counting, "poll", broken)

    async def watch() -> list[bytes]:
        return [part async for part in await opened(Hub(home, FAST), View(("abc",)))]

    assert run_for(watch()) == []


# ---- the route ------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(home):
    return TestClient(Starlette(routes=live.routes(home, Access(None, home))))


def test_a_finished_run_is_one_last_event_and_the_end(client, start_run):
    run = start_run(epochs=2).train().end()
    answer = client.get(f"/api/live?runs={run.id}&x=seconds&log=1")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    retry, event, rest = answer.content.split(b"\n\n")
    assert (retry, rest) == (b"retry: 1000", b"")
    name, data = parsed(event)
    assert name == "last"
    assert data["figure"]["layout"]["yaxis3"]["type"] == "log"


@pytest.mark.parametrize("run_id", ["abcdefghij", "../../etc", "%2e%2e", "x" * 5000, "\u0000", "a/b", "AAAA"])
def test_an_unknown_run_is_not_found(client, run_id):
    assert client.get("/api/live", params={"runs": run_id}).status_code == 404


def test_a_bad_query_names_its_field(client):
    answer = client.get("/api/live", params={"runs": "abcdefghij", "x": "miles"})
    assert (answer.status_code, answer.json()["field"]) == (400, "x")


def test_a_run_that_vanishes_between_two_looks_is_waited_out(home, start_run, monkeypatch):
    worker = start_run().train(3)
    channel = live.Channel(Builder(home, View((worker.run.id,))), Pace(FAST), CapacityLimiter(1))
    monkeypatch.setattr(view.Builder, "poll", lambda self: (_ for _ in ()).throw(NotFound("gone")))
    assert channel._poll() is None
