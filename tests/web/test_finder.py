"""A search as its stream tells it: the figure while it grows, where it stands in words, and its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab import jobs
from lrlab.errors import NotFound
from lrlab.experiments import Finder
from lrlab.web import finder
from lrlab.web.access import LOCAL_HOSTS, Access
from lrlab.web.finder import FinderBuilder, Search

pytestmark = pytest.mark.usefixtures("woken")


def parsed(event: bytes) -> tuple[str, dict[str, Any]]:
    name, data = event.decode().strip().split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_an_event_holds_the_figure_and_where_it_stands(home, start_search):
    worker = start_search(name="<b>烘焙</b>").search(40)
    event = FinderBuilder(home, Search(worker.run.id)).poll()
    name, data = parsed(event.data)
    assert (name, event.last, data["drawable"], data["seeds"]) == ("news", False, True, 1)
    run = data["run"]
    assert (run["name"], run["state"], run["share"], run["final"]) == ("<b>烘焙</b>", "running", 0.4, False)
    assert run["left"] == "a few seconds left"  # sixty updates of a tenth of a second by the clock of the log
    assert data["figure"]["layout"]["shapes"] == []


def test_the_time_left_is_told_as_the_most_that_it_takes(home, start_search):
    worker = start_search(Finder(steps=1000)).search(600)
    run = parsed(FinderBuilder(home, Search(worker.run.id)).poll().data)[1]["run"]
    assert run["left"] == "at most about 40 s left"


def test_nothing_new_is_no_event_and_only_rows_draw_anew(home, start_search):
    worker = start_search().search(5)
    builder = FinderBuilder(home, Search(worker.run.id))
    first = parsed(builder.poll().data)[1]
    assert builder.poll() is None
    jobs.stop(home, worker.run.id)
    second = parsed(builder.poll().data)[1]
    assert second["run"]["stopping"]
    assert second["drawing"] == first["drawing"]
    worker.search(1)
    assert parsed(builder.poll().data)[1]["drawing"] == first["drawing"] + 1


def test_before_the_first_update_there_is_nothing_to_draw(home, start_search):
    data = parsed(FinderBuilder(home, Search(start_search().run.id)).poll().data)[1]
    assert not data["drawable"]
    assert data["run"]["message"] == "Starting worker"


def test_the_last_event_has_the_suggestions(home, start_search):
    worker = start_search(Finder(seeds=2)).search()
    builder = FinderBuilder(home, Search(worker.run.id))
    assert not builder.poll().last
    worker.end()
    event = builder.poll()
    name, data = parsed(event.data)
    assert (name, event.last, data["run"]["share"]) == ("last", True, 1.0)
    assert data["run"]["message"].startswith("Finished in")
    assert len(data["figure"]["layout"]["shapes"]) >= 3


def test_a_failure_stands_in_its_place_once(home, start_search):
    worker = start_search().search(3)
    worker.end("failed", cause="the disk is full", advice="Delete runs.")
    run = parsed(FinderBuilder(home, Search(worker.run.id)).poll().data)[1]["run"]
    assert (run["cause"], run["advice"], run["message"]) == ("The disk is full", "Delete runs.", "")


def test_a_run_that_trains_is_no_search(home, start_run):
    with pytest.raises(NotFound, match="finds no LR"):
        FinderBuilder(home, Search(start_run().run.id))


def test_the_route_streams_a_search_to_its_end(home, start_search):
    run = start_search().search().end()
    app = Starlette(routes=finder.routes(home, Access(LOCAL_HOSTS, home)))
    with TestClient(app, base_url="http://127.0.0.1:8501") as client:
        answer = client.get(f"/api/finder/{run.id}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.text.count("event: last") == 1
        for unknown in ("abcdefghij", "%2e%2e", "x" * 3000):
            assert client.get(f"/api/finder/{unknown}").status_code == 404
