"""One view of runs: what its events hold, when there is one, and which queries it is asked by."""

from __future__ import annotations

import pytest

from lrlab import jobs
from lrlab.errors import LabError
from lrlab.runs import delete_run, rename, update
from lrlab.web.view import Builder, View

from .streams import parsed, points


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
