"""The event streams: what an event holds, when one is sent, and that many tabs cost no more than one."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab import jobs
from lrlab.errors import LabError, NotFound
from lrlab.runs import delete_run, rename, update
from lrlab.web import live, view
from lrlab.web.access import Access
from lrlab.web.exit_signals import at_exit_signal
from lrlab.web.live import Hub
from lrlab.web.pacing import Pace
from lrlab.web.view import Builder, Event, View

FAST = 0.01


def run_for(coroutine: Coroutine[Any, Any, Any], seconds: float = 20) -> Any:
    """Runs `coroutine`; a fault that would make it wait for ever ends it instead."""

    async def bounded() -> Any:
        async with asyncio.timeout(seconds):
            return await coroutine

    return asyncio.run(bounded())


def parsed(event: bytes) -> tuple[str, dict[str, Any]]:
    """The name and the data of one event."""
    lines = dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
    return lines["event"], json.loads(lines["data"])


async def next_event(stream: AsyncIterator[bytes]) -> tuple[str, dict[str, Any]]:
    async for part in stream:
        if part.startswith(b"event:"):
            return parsed(part)
    raise AssertionError("the stream ended")


def points(data: dict[str, Any]) -> int:
    """How many updates the learning-rate line shows, in steps."""
    (used,) = [trace for trace in data["figure"]["data"] if trace["yaxis"] == "y3" and "text" in trace]
    return len(used["text"]) - 1


# ---- one view -------------------------------------------------------------------------------------------------------


def test_an_event_holds_figure_and_strip(home, start_run):
    worker = start_run(name="<b>烘焙</b>", epochs=4).train(7)
    event = Builder(home, View((worker.run.id,), "step")).poll()
    name, data = parsed(event.data)
    (strip,) = data["runs"]
    assert (name, event.last) == ("news", False)
    assert points(data) == 7
    assert (strip["id"], strip["name"], strip["label"]) == (worker.run.id, "<b>烘焙</b>", "<b>烘焙</b>")
    assert strip["words"]["progress"] == "epoch 2 of 4 · step 7 of 20"
    assert strip["words"]["best"] == "best 50.0 % at epoch 1"
    assert strip["can_stop"] and not strip["final"]
    assert data["smoothed"] == 5


def test_nothing_new_is_no_event(home, start_run):
    worker = start_run().train(3)
    builder = Builder(home, View((worker.run.id,)))
    assert builder.poll()
    assert builder.poll() is None
    worker.train(1)
    assert points(parsed(builder.poll().data)[1]) == 4
    assert builder.poll() is None


def test_a_new_name_and_a_stop_are_news(home, start_run, woken):
    worker = start_run().train(3)
    builder = Builder(home, View((worker.run.id,)))
    builder.poll()
    rename(worker.run, "otherwise")
    jobs.stop(home, worker.run.id)
    (strip,) = parsed(builder.poll().data)[1]["runs"]
    assert strip["label"] == "otherwise"
    assert strip["stopping"]


def test_only_rows_draw_a_figure_anew(home, start_run, woken):
    worker = start_run().train(3)
    builder = Builder(home, View((worker.run.id,)))
    first = parsed(builder.poll().data)[1]
    jobs.stop(home, worker.run.id)
    second = parsed(builder.poll().data)[1]
    assert second["runs"] != first["runs"]
    assert second["drawing"] == first["drawing"]
    worker.train(1)
    assert parsed(builder.poll().data)[1]["drawing"] == first["drawing"] + 1


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "lost"])
def test_a_run_that_ends_is_told_to_its_last_row(home, start_run, state):
    worker = start_run(epochs=2).train(4)
    builder = Builder(home, View((worker.run.id,), "step"))
    assert not builder.poll().last
    worker.train().end(state)
    name, data = parsed((event := builder.poll()).data)
    assert (name, event.last) == ("last", True)
    assert points(data) == 10
    assert data["runs"][0]["state"] == state


def test_several_runs_are_called_by_what_differs_and_the_last_to_end_ends_the_view(home, start_run):
    one, other = start_run(seed=0).train(5), start_run(seed=1).train(5)
    builder = Builder(home, View((one.run.id, other.run.id)))
    data = parsed(builder.poll().data)[1]
    assert [strip["label"] for strip in data["runs"]] == ["seed 0", "seed 1"]
    assert len({strip["colour"] for strip in data["runs"]}) == 2
    one.end()
    assert not builder.poll().last
    other.end()
    assert builder.poll().last


def test_runs_of_one_colour_are_told_apart(home, start_run):
    runs = [start_run(seed=seed).train(5).run for seed in range(3)]
    for run in runs:
        update(run, colour=3)
    data = parsed(Builder(home, View(tuple(run.id for run in runs))).poll().data)[1]
    assert len({strip["colour"] for strip in data["runs"]}) == 3


def test_a_run_that_is_deleted_while_it_is_watched_leaves_the_view(home, start_run):
    one, other = start_run(seed=0).train(5), start_run(seed=1).train(5)
    builder = Builder(home, View((one.run.id, other.run.id)))
    builder.poll()
    delete_run(one.end())
    data = parsed(builder.poll().data)[1]
    assert [strip["id"] for strip in data["runs"]] == [other.run.id]
    delete_run(other.end())
    name, data = parsed(builder.poll().data)
    assert (name, data["runs"]) == ("last", [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "runs"),
        ({"runs": ""}, "runs"),
        ({"runs": ",,"}, "runs"),
        ({"runs": ",".join(f"abcdefgh{n}" for n in range(17))}, "runs"),
        ({"runs": "a", "x": "hours"}, "x"),
        ({"runs": "a", "x": ""}, "x"),
        ({"runs": "a", "log": "yes"}, "log"),
    ],
)
def test_a_query_that_means_nothing_is_refused_by_field(query, field):
    with pytest.raises(LabError) as refused:
        View.from_query(query)
    assert refused.value.field == field


def test_a_query_is_read(home):
    query = {"runs": "abc,def,abc", "x": "seconds", "log": "1"}
    assert View.from_query(query) == View(("abc", "def"), "seconds", True)


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_is_told_first_and_then_handled_as_before(number):
    told: list[str] = []
    before = signal.signal(number, lambda *_: told.append("server"))
    try:

        async def stopped() -> None:
            with at_exit_signal(lambda: told.append("streams")):
                signal.raise_signal(number)
                await asyncio.sleep(0.01)

        run_for(stopped())
        assert sorted(told) == ["server", "streams"]
        signal.raise_signal(number)
        assert told.count("server") == 2  # the handler from before is back
        assert told.count("streams") == 1
    finally:
        signal.signal(number, before)


def test_outside_the_main_thread_no_signal_is_touched():
    handlers = []

    def elsewhere() -> None:
        async def enter() -> None:
            with at_exit_signal(lambda: None):
                handlers.append(signal.getsignal(signal.SIGTERM))

        asyncio.run(enter())

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert handlers == [before]


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
