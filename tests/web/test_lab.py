"""The lab's stream and the deeds beside it, for whoever may see and do what."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.datasets import add_dataset, share_dataset
from lrlab.desk import Desk
from lrlab.disk import measure
from lrlab.experiments import EarlyStopping, Experiment
from lrlab.home import Home
from lrlab.jobs.lab import LATELY, Watch
from lrlab.jobs.queue import Queue
from lrlab.process import identity
from lrlab.rights import LOCAL, Person
from lrlab.runs import FINAL, DatasetFacts, Run, create_run, stop_forced, stop_requested, update
from lrlab.web import routes
from lrlab.web.lab import LabBuilder, LabView
from lrlab.web.lab_words import SOMEBODY, disk

STUDENT, OTHER, TEACHER = (
    Person("a@school.example", "student"), Person("b@school.example", "student"), Person("t@school.example", "teacher"),
)  # fmt: skip
PAGE = {"origin": "http://127.0.0.1:8501"}


pytestmark = pytest.mark.usefixtures("woken")


@pytest.fixture
def run(home: Home, tmp_path: Path) -> Callable[..., Run]:
    """`run("mine", STUDENT, "queued")`: a run of theirs in that state; one that waits or runs is in the queue."""
    for number, label in enumerate(("Dark", "Light")):
        (tmp_path / "coffee" / label).mkdir(parents=True)
        for side in (8, 9):
            Image.new("RGB", (side, side), (90 * number, 60, 40)).save(tmp_path / "coffee" / label / f"{side}.png")
    coffee = share_dataset(home, add_dataset(home, tmp_path / "coffee", "coffee").id, True)

    def make(name: str, owner: Person = LOCAL, state: str = "queued", **fields: Any) -> Run:
        facts = DatasetFacts(id=coffee.id, name="coffee", classes=coffee.classes, train=160, val=40)
        experiment = Experiment(dataset="coffee", name=name, epochs=4)
        made = create_run(home, experiment, dataset=facts, steps_per_epoch=5, owner=owner.mail)
        if state in ("queued", "running"):
            with Queue(home) as queue:
                queue.add(made.id)
                if state == "running":
                    queue.claim(identity(os.getppid()).model_dump_json())
        else:
            update(made, state=state, ended=time.time(), **fields)
        return made

    return make


def client(home: Home, person: Person = LOCAL) -> TestClient:
    app = Starlette(routes=routes(home, frozenset({"127.0.0.1"}), lambda connection: person))
    return TestClient(app, base_url="http://127.0.0.1:8501", headers=PAGE)


def told(home: Home, person: Person = LOCAL) -> dict[str, Any]:
    """What the stream tells this person now."""
    event = LabBuilder(home, LabView(person), Watch(home, server=True)).poll()
    assert event is not None
    assert not event.last
    name, data = event.data.decode().strip().split("\n")
    assert name == "event: news"
    return dict(json.loads(data.removeprefix("data: ")))


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


def test_the_stream_tells_who_is_at_work_who_waits_and_what_ended(home: Home, run) -> None:
    run("first", state="running"), run("second"), run("third")
    run("gone", state="failed", cause="the disk is full; its log ends with:\nTraceback")
    lab = told(home)
    assert (names(lab["running"]), names(lab["waiting"]), names(lab["ended"])) == (
        ["first"],
        ["second", "third"],
        ["gone"],
    )
    assert lab["waiting"][0]["facts"] == "small_cnn on coffee · 4 epochs"
    assert lab["ended"][0]["facts"] == "failed · the disk is full · just now"
    assert lab["ended"][0]["may"]["retry"] is True
    assert lab["devices"][0]["kind"] == "cpu"
    assert "Web server" in [process["title"] for process in lab["processes"]]


def test_nothing_is_sent_where_nothing_has_changed(home: Home, run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("waits")
    builder = LabBuilder(home, LabView(LOCAL), Watch(home, server=True, every=60))
    events = [builder.poll() for _ in range(4)]
    assert events[0] is not None
    assert None in events[1:]  # but for the disk's figure, which may have come meanwhile


def test_more_runs_than_are_listed_are_counted(home: Home, run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrlab.web.lab.MOST_WAITING", 2)
    for number in range(5):
        run(f"run {number}")
    lab = told(home)
    assert (names(lab["waiting"]), lab["more"]) == (["run 0", "run 1"], 3)


def test_a_student_sees_the_places_of_others_and_nothing_else_of_them(home: Home, run) -> None:
    run("secret one", OTHER, "running"), run("secret two", OTHER), run("mine", STUDENT)
    run("secret end", OTHER, "failed"), run("my end", STUDENT, "failed")
    shared = run("shown", OTHER, "succeeded")
    update(shared, shared=True)
    lab = told(home, STUDENT)
    assert names(lab["running"]) == [SOMEBODY]
    assert names(lab["waiting"]) == [SOMEBODY, "mine"]
    assert names(lab["ended"]) == ["shown", "my end"]
    assert "secret" not in json.dumps(lab)
    assert OTHER.mail not in json.dumps({**lab, "ended": []})
    assert lab["waiting"][0]["id"] == "" and lab["waiting"][0]["may"] == {}
    assert lab["waiting"][1]["may"] == {"stop": True, "retry": True}
    assert lab["ended"][0]["may"] == {"stop": False, "retry": False}
    assert lab["may"] == {"move": False, "clear": False}
    teachers = told(home, TEACHER)
    assert names(teachers["waiting"]) == ["secret two", "mine"]
    assert [row["owner"] for row in teachers["waiting"]] == [OTHER.mail, STUDENT.mail]
    assert teachers["may"] == {"move": True, "clear": True}


def test_ends_of_classmates_push_out_none_of_ones_own(home: Home, run) -> None:
    run("my end", STUDENT, "failed")
    for number in range(LATELY + 1):
        run(f"theirs {number}", OTHER, "failed")
    assert names(told(home, STUDENT)["ended"]) == ["my end"]
    assert names(told(home, TEACHER)["ended"]) == [f"theirs {number}" for number in range(LATELY, 0, -1)]


def test_a_run_that_was_queued_again_since_the_look_is_no_end(home: Home, run) -> None:
    ended, watch = run("mine", state="cancelled"), Watch(home, server=True, fresh=60)
    assert watch.look().lately() == (ended.id,)
    update(ended, state="queued")
    event = LabBuilder(home, LabView(LOCAL), watch).poll()
    assert event is not None and b'"ended": []' in event.data


def test_a_state_has_one_word(home: Home, run) -> None:
    for state in FINAL:
        run(state, state=state)
    assert {(row["name"], row["state"], row["facts"].split(" ")[0]) for row in told(home)["ended"]} == {
        (state, state, state) for state in FINAL
    }


def test_a_fault_in_the_settings_is_told_instead(home: Home) -> None:
    home.settings.write_text("[limits]\nimages = 1\n")
    assert told(home) == {"fault": "lab.toml: limits.images: got 1, allowed: at least 2"}


def waiting(home: Home) -> list[str]:
    with Queue(home) as queue:
        return queue.order()


@pytest.mark.parametrize(("place", "order"), [("1", "cab"), ("2", "acb"), ("3", "abc"), ("99", "abc")])
def test_a_run_is_moved(home: Home, run, place: str, order: str) -> None:
    runs = {name: run(name).id for name in "abc"}
    answer = client(home).post(f"/api/runs/{runs['c']}/move?place={place}")
    assert answer.status_code == 200
    assert waiting(home) == [runs[name] for name in order]


@pytest.mark.parametrize("place", ["0", "-1", "", "two", "1.5", "9" * 40, "²"])
def test_a_place_that_is_none_is_refused(home: Home, run, place: str) -> None:
    answer = client(home).post(f"/api/runs/{run('a').id}/move", params={"place": place})
    assert answer.status_code == 400
    assert answer.json()["field"] == "place"


def test_a_run_that_does_not_wait_cannot_be_moved(home: Home, run) -> None:
    answer = client(home).post(f"/api/runs/{run('a', state='running').id}/move?place=1")
    assert (answer.status_code, answer.json()["field"]) == (400, "run")


@pytest.mark.parametrize(("monitor", "said"), [("none", "best 75.0 %"), ("val_loss", "best by val loss: 75.0 %")])
def test_what_ended_tells_its_best_model_and_by_what_it_is(home: Home, run, monitor: str, said: str) -> None:
    made = run("mine", state="succeeded", result={"best_epoch": 1, "best_val_accuracy": 0.75})
    update(made, experiment=made.experiment.model_copy(update={"early_stopping": EarlyStopping(monitor=monitor)}))
    assert said in told(home)["ended"][0]["facts"].split(" · ")


def test_a_failed_run_is_tried_again_and_a_finished_one_is_not(home: Home, run) -> None:
    failed, finished = run("failed", state="failed"), run("finished", state="succeeded")
    assert client(home).post(f"/api/runs/{failed.id}/retry").status_code == 200
    assert waiting(home) == [failed.id]
    assert failed.record.state == "queued"
    answer = client(home).post(f"/api/runs/{finished.id}/retry")
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        f"run {finished.id} succeeded; there is nothing to try again",
    )


@pytest.mark.parametrize(("query", "forced"), [("", False), ("?force=0", False), ("?force=1", True)])
def test_a_run_is_stopped_by_force_where_that_was_asked_for(home: Home, run, query: str, forced: bool) -> None:
    worked = run("at work", state="running")
    assert client(home).post(f"/api/runs/{worked.id}/stop{query}").status_code == 200
    assert (stop_requested(worked), stop_forced(worked)) == (True, forced)


def test_caches_are_cleared(home: Home) -> None:
    (home.cache / "c-36-v1.npy").write_bytes(bytes(2048))
    assert client(home).post("/api/lab/clear").json() == {"text": "2 kB freed."}
    assert client(home).post("/api/lab/clear").json() == {"text": "There was nothing to clear."}


DEEDS = ["/api/runs/{own}/move?place=1", "/api/runs/{other}/retry", "/api/runs/{own}/retry", "/api/lab/clear"]


@pytest.mark.parametrize(
    ("person", "statuses"),
    [
        (STUDENT, [403, 404, 200, 403]),
        (TEACHER, [400, 200, 200, 200]),  # 400: it does not wait
    ],
)
def test_who_may_do_what(home: Home, run, person: Person, statuses: list[int]) -> None:
    own, other = run("own", STUDENT, "failed"), run("other", OTHER, "failed")
    asked = [deed.format(own=own.id, other=other.id) for deed in DEEDS]
    assert [client(home, person).post(path).status_code for path in asked] == statuses


@pytest.mark.parametrize("deed", DEEDS)
def test_no_other_site_may_ask_for_it(home: Home, run, deed: str) -> None:
    path = deed.format(own=run("a", state="failed").id, other=run("b", state="failed").id)
    answer = client(home).post(path, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("age", "measuring", "words"),
    [
        (3, False, "measured just now"),
        (3, True, "measured just now"),  # every few seconds: it would only flicker
        (130, False, "measured 2 minutes ago"),
        (130, True, "measured 2 minutes ago, again now"),
    ],
)
def test_the_age_of_the_disks_figure(home: Home, age: float, measuring: bool, words: str) -> None:
    use = measure(home).model_copy(update={"measured": time.time() - age})
    lab = replace(Watch(home).look(), disk=use, measuring=measuring)
    told = disk(lab, Desk(home, LOCAL))
    assert told is not None
    assert told["measured"] == words
