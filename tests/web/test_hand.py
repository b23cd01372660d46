"""A person's hand on a run: what is asked over HTTP, what is refused, and what is said of it."""

from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab import jobs
from lrlab.jobs import changing
from lrlab.jobs.cleaning import delete_checkpoints
from lrlab.runs import LRChange, checkpoints, lr_requests, update
from lrlab.web import hand
from lrlab.web.access import LOCAL_HOSTS, Access
from lrlab.web.view import Builder, View

ORIGIN = {"origin": "http://127.0.0.1:8501"}
STEP = {"scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5}}


@pytest.fixture
def client(home):
    return TestClient(Starlette(routes=hand.routes(home, Access(LOCAL_HOSTS, home))), base_url="http://127.0.0.1:8501")


def strip(home, run):
    """What a page that watches `run` alone is told of it."""
    lines = dict(
        line.split(": ", 1) for line in Builder(home, View((run.id,))).poll().data.decode().splitlines() if line
    )
    return json.loads(lines["data"])["runs"][0]


# ---- the LR ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "value", "factor"),
    [({"factor": 0.5}, None, 0.5), ({"value": "1e-4"}, 1e-4, None), ({"value": 0.01, "factor": None}, 0.01, None)],
)
def test_another_lr_is_asked_of_the_worker(client, start_run, asked, value, factor):
    run = start_run().train(3).run
    assert client.post(f"/api/runs/{run.id}/lr", json=asked, headers=ORIGIN).status_code == 200
    ((_, request),) = lr_requests(run)
    assert (request.value, request.factor) == (value, factor)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"value": "abc"}', "lr: got 'abc', allowed: a number"),
        ('{"value": "0"}', "allowed: a number above 0"),
        ('{"value": "nan"}', "allowed: a number above 0"),
        ('{"value": 2000}', "at most 1000"),
        ('{"factor": -1}', "allowed: a number above 0"),
        ('{"factor": 1e10}', "allowed: a number above 0 and at most 1e9"),
        ('{"factor": true}', "lr: got True, allowed: a number"),
        ('{"factor": [1]}', "allowed: a number"),
        ("{}", "either a value or a factor"),
        ('{"value": 1, "factor": 1}', "either a value or a factor"),
        ("[]", "allowed: an object"),
        ("{", "is not JSON"),
        ("[" * 1000, "is not JSON"),
        ('{"value": "' + "9" * 2000 + '"}', "more than 1,000 bytes"),
    ],
)
def test_what_is_no_lr_is_refused_in_a_sentence(client, start_run, body, sentence):
    run = start_run().train(3).run
    answer = client.post(f"/api/runs/{run.id}/lr", content=body, headers=ORIGIN)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
    assert lr_requests(run) == []


@pytest.mark.parametrize("what", ["lr", "resume"])
@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("GET", ORIGIN, 405), ("POST", {}, 403), ("POST", {"origin": "http://evil.example"}, 403)],
)
def test_only_a_page_of_this_server_has_a_hand_on_a_run(client, start_run, what, method, headers, status):
    run = start_run().train(3).run
    answer = client.request(method, f"/api/runs/{run.id}/{what}", json={"factor": 2}, headers=headers)
    assert answer.status_code == status
    assert lr_requests(run) == []


@pytest.mark.parametrize("run_id", ["abcdefghij", "..", "%2e%2e%2f", "x" * 3000])
@pytest.mark.parametrize(("method", "what"), [("POST", "lr"), ("POST", "resume"), ("GET", "ahead")])
def test_an_unknown_run_is_not_found(client, run_id, method, what):
    body = {"json": {"factor": 2}} if what == "lr" else {"json": {}} if what == "resume" else {}
    assert client.request(method, f"/api/runs/{run_id}/{what}", headers=ORIGIN, **body).status_code == 404


def test_the_strip_says_the_lr_what_comes_and_what_was_asked(home, start_run):
    worker = start_run(epochs=6, schedule=STEP, optimizer={"name": "SGD", "lr": 0.1}).train(7)
    told = strip(home, worker.run)["hand"]
    assert told["lr"] == "0.1" and told["asked"] == ""
    assert "0.1" in told["next"] and "0.025" in told["next"]
    jobs.set_lr(home, worker.run.id, factor=0.5)
    assert strip(home, worker.run)["hand"]["asked"] == "Asked for: x 0.5, 0.05, from the next update on."
    ((_, request),) = lr_requests(worker.run)
    update(worker.run, lr_changes=(LRChange(step=7, factor=0.5, time=request.time, lr=0.05),))
    told = strip(home, worker.run)["hand"]
    assert told["asked"] == ""
    assert "0.0125" in told["next"]  # half of what the schedule comes to


def test_the_sentence_stands_still_within_an_epoch(home, start_run):
    cosine = {"interval": "step", "scheduler": {"name": "CosineAnnealingLR", "T_max": 30}}
    worker = start_run(epochs=6, schedule=cosine).train(6)
    first = strip(home, worker.run)["hand"]["next"]
    assert strip(home, worker.train(3).run)["hand"]["next"] == first
    assert strip(home, worker.train(3).run)["hand"]["next"] != first


def test_the_sentence_tells_of_the_step_that_the_run_is_on(home, start_run):
    stairs = {"interval": "step", "scheduler": {"name": "StepLR", "step_size": 4, "gamma": 0.5}}
    worker = start_run(epochs=6, schedule=stairs, optimizer={"name": "SGD", "lr": 0.8}).train(6)
    assert strip(home, worker.run)["hand"]["next"].startswith("The LR stays at 0.4 until epoch")


def test_several_runs_have_no_hand(home, start_run):
    runs = [start_run(seed=seed).train(3).run for seed in (0, 1)]
    event = Builder(home, View(tuple(run.id for run in runs))).poll()
    assert b'"hand"' not in event.data


# ---- going on -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "needed", "epochs"), [("succeeded", True, 2), ("cancelled", False, 0), ("failed", False, 0)]
)
def test_a_run_that_has_ended_can_be_trained_on(home, start_run, state, needed, epochs):
    run = start_run(epochs=8).train(12).end(state)
    told = strip(home, run)
    assert told["hand"] is None
    offered = told["again"]
    assert (offered["offered"], offered["needed"], offered["epochs"]) == (True, needed, epochs)
    assert strip(home, start_run().train(3).run)["again"] is None


@pytest.mark.parametrize(
    ("body", "epochs"), [({"epochs": 5}, 5), ({"epochs": "5"}, 5), ({"epochs": None}, None), ({}, None)]
)
def test_resume_is_asked_of_the_queue(client, start_run, monkeypatch, body, epochs):
    asked = []
    monkeypatch.setattr(changing, "resume", lambda home, run_id, epochs: asked.append((run_id, epochs)))
    run = start_run(epochs=8).train(12).end("cancelled")
    assert client.post(f"/api/runs/{run.id}/resume", json=body, headers=ORIGIN).status_code == 200
    assert asked == [(run.id, epochs)]


@pytest.mark.parametrize("state", ["succeeded", "cancelled"])
def test_a_run_whose_checkpoints_were_deleted_is_not_offered(client, home, start_run, monkeypatch, state):
    monkeypatch.setattr(changing, "load_dataset", lambda home, name: None)
    run = start_run(epochs=8).train(12).end(state)
    delete_checkpoints(home, [run.id])
    told = strip(home, run)["again"]
    assert not told["offered"] and "checkpoints were deleted" in told["words"]
    answer = client.post(f"/api/runs/{run.id}/resume", json={"epochs": 5}, headers=ORIGIN)
    assert answer.status_code == 400 and "checkpoints were deleted; start it anew" in answer.json()["error"]


@pytest.mark.parametrize("state", ["succeeded", "cancelled"])
def test_the_checkpoints_are_looked_for_once_a_look(home, start_run, monkeypatch, state):
    run, looks, real = start_run(epochs=8).train(12).end(state), [], checkpoints.all_checkpoints
    monkeypatch.setattr(checkpoints, "all_checkpoints", lambda run: looks.append(run.id) or real(run))
    assert strip(home, run)["again"]["offered"]
    assert looks == [run.id]


def test_advice_has_no_button_for_what_is_not_offered(home, start_run):
    run = start_run(epochs=20).train().end()
    (further,) = (one for one in strip(home, run)["advice"] if one["deed"] == "resume")
    delete_checkpoints(home, [run.id])
    (told,) = (one for one in strip(home, run)["advice"] if one["name"] == further["name"])
    assert told == further | {"deed": "", "label": ""}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"epochs": 0}, "epochs: got 0, allowed: 1 to"),
        ({"epochs": 2.5}, "epochs: got 2.5, allowed: a whole number"),
        ({"epochs": "many"}, "epochs: got 'many', allowed: a number"),
        ({}, "say how many more epochs"),
    ],
)
def test_a_resume_that_makes_no_sense_is_refused(client, start_run, body, sentence):
    run = start_run(epochs=2).train().end()
    answer = client.post(f"/api/runs/{run.id}/resume", json=body, headers=ORIGIN)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
    assert run.record.state == "succeeded"


def test_what_the_schedule_does_beyond_its_end_is_foretold(client, start_run):
    run = start_run(epochs=4, schedule=STEP, optimizer={"name": "SGD", "lr": 0.1}).train().end()
    text = client.get(f"/api/runs/{run.id}/ahead?epochs=4").json()["text"]
    assert "beyond the schedule's planned end" in text
    assert "0.0125" in text  # StepLR goes on halving: 0.1, 0.05, 0.025, 0.0125


# ---- what to try next -----------------------------------------------------------------------------------------------


def test_advice_goes_along_with_a_single_run(home, start_run):
    run = start_run().train(3).train(1, loss=float("nan")).end("failed", cause="the loss is not a number")
    (advice,) = strip(home, run)["advice"]
    assert (advice["name"], advice["deed"]) == ("not-a-number", "form")
    assert advice["changes"]["optimizer.lr"] == pytest.approx(1e-4)


def test_how_a_run_began_again_is_told(home, start_run):
    run = start_run().train(3).run
    attempt = run.record.attempts[0].model_copy(update={"remark": "It began anew."})
    update(run, attempts=(attempt,))
    assert strip(home, run)["notes"] == ["It began anew."]
