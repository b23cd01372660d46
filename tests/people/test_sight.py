"""What a run has logged is told only to those who see it, on the ways that lead there without a run's route."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.testclient import TestClient

from lrlab import charts, web
from lrlab.desk import Desk
from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.rights import Person, sees
from lrlab.runs import RunRecord, update
from lrlab.web.access import Access
from lrlab.web.finder import FinderBuilder, Search
from lrlab.web.live import Hub, only_watched, still_seen
from lrlab.web.view import Builder, View

BASE = "http://127.0.0.1:8501"


@pytest.fixture
def client(home: Home, people: dict[str, Person]) -> Iterator[TestClient]:
    """A lab's server as app.py puts it together; the header says whoever asks."""

    def who(connection: HTTPConnection) -> Person | None:
        return people.get(connection.headers.get("x-who", ""))

    def in_sight(record: RunRecord) -> bool:
        somebody = web.asking()
        return somebody is not None and sees(somebody, record)

    charts.limit_to(in_sight)
    with TestClient(Starlette(routes=web.routes(home, who=who)), base_url=BASE) as client:
        yield client
    charts.limit_to(None)


@pytest.mark.parametrize(("who", "told"), [("ann", True), ("ben", False), ("teacher", True)])
@pytest.mark.parametrize("over", ["post", "socket"])
def test_a_plateau_is_replayed_on_what_is_seen(client, start_run, who: str, told: bool, over: str) -> None:
    run = start_run().train().end()
    update(run, owner="ann@school.example")
    metric = {"kind": "logged", "run": run.id}
    asked = {"changes": [{"op": "choose", "name": "ReduceLROnPlateau"}]}
    asked["state"] = {"composition": {"metric": metric, "epochs": 4, "steps_per_epoch": 5}}
    headers = {"x-who": who, "origin": BASE, "host": "127.0.0.1:8501"}
    if over == "post":
        answer = client.post("/api/curve", json=asked, headers=headers).json()
    else:
        with client.websocket_connect("/api/curve", headers=headers) as socket:
            socket.send_text(json.dumps(asked))
            answer = json.loads(socket.receive_text())
    if told:
        assert "figure" in answer
    else:
        assert answer["errors"] == [["metric.run", f"there is no run '{run.id}'"]]


def parsed(data: bytes) -> dict:
    return json.loads(data.decode().partition("data: ")[2])


def test_whoever_only_watches_is_shown_no_controls(home: Home, start_run, start_search) -> None:
    run = start_run().train(3).run
    shown = parsed(Builder(home, View((run.id,), others=frozenset({run.id}))).poll().data)["runs"][0]
    assert (shown["can_stop"], shown["hand"], shown["again"]) == (False, None, None)
    assert all(one["deed"] not in ("resume", "lr") for one in shown["advice"])
    own = parsed(Builder(home, View((run.id,))).poll().data)["runs"][0]
    assert own["can_stop"] and own["hand"]
    search = start_search().search(3).run
    assert not parsed(FinderBuilder(home, Search(search.id, mine=False)).poll().data)["run"]["can_stop"]
    assert parsed(FinderBuilder(home, Search(search.id)).poll().data)["run"]["can_stop"]


@pytest.mark.parametrize(
    ("who", "others"), [("ann", {"ben"}), ("ben", {"shared"}), ("teacher", set()), ("local", set())]
)
def test_which_runs_are_only_watched(home: Home, people, runs, who: str, others: set[str]) -> None:
    update(runs.ben, shared=True)
    asked = [runs.shared.id, runs.ben.id]
    found = only_watched(Desk(home, people[who]), asked)
    assert found == {getattr(runs, name).id for name in others}


def asking_for(desk: Desk) -> Request:
    """A request that was let in, of whoever is at `desk`."""
    return Request({"type": "http", "headers": [], "state": {"desk": desk}})


@pytest.mark.parametrize(
    ("now", "goes_on"),
    [("teacher", True), ("student", False), ("nobody", False), ("a fault in the settings", True)],
)
def test_a_stream_ends_once_whoever_watches_is_somebody_else(home: Home, people, now: str, goes_on: bool) -> None:
    teacher = people["teacher"]
    persons = {"teacher": teacher, "student": Person(teacher.mail, "student"), "nobody": None}

    def who(connection: HTTPConnection) -> Person | None:
        if now not in persons:
            raise LabError("lab.toml has a fault")
        return persons[now]

    allowed = still_seen(Access(None, home, who), asking_for(Desk(home, teacher)))
    assert allowed is not None and allowed() == goes_on


def test_where_nobody_signs_in_nothing_is_asked_again(home: Home, people) -> None:
    assert still_seen(Access(None, home), asking_for(Desk(home, people["local"]))) is None


@pytest.mark.parametrize("stream", ["lab", "live", "finder"])
def test_every_stream_asks_again_who_watches(
    home: Home, people, start_run, start_search, monkeypatch, stream: str
) -> None:
    worker = start_search() if stream == "finder" else start_run()
    path = {"lab": "/api/lab", "live": f"/api/live?runs={worker.run.id}", "finder": f"/api/finder/{worker.run.id}"}
    found = iter([people["teacher"]])  # at the first request; from then on nobody
    routes = web.routes(home, who=lambda connection: next(found, None))
    with TestClient(Starlette(routes=routes), base_url=BASE) as client:
        answer = client.get(path[stream])  # which would never end
    assert answer.status_code == 200 and "data:" not in answer.text


def test_a_stream_ends_once_its_run_is_shared_no_more(home: Home, people, start_run) -> None:
    worker = start_run().train(3)
    update(worker.run, owner="ann@school.example", shared=True)
    desk = Desk(home, people["ben"])

    async def watch() -> int:
        request = asking_for(desk)
        allowed = still_seen(Access(None, home, lambda _: desk.person), request, only_watched(desk, [worker.run.id]))
        response = await Hub(home, 0.01).stream(View((worker.run.id,)), allowed)
        stream: AsyncIterator[bytes] = response.body_iterator
        events = 0
        async for part in stream:
            if part.startswith(b"event"):
                events += 1
                update(worker.run, shared=False)
                worker.train(1)
        return events

    assert asyncio.run(asyncio.wait_for(watch(), 60)) == 1
