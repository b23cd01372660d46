"""A run that has ended goes on through the queue, the LR of one at work is changed; what makes no sense is refused."""

from __future__ import annotations

import socket
import time

import pytest

from lrlab.errors import LabError, NotFound
from lrlab.experiments import Experiment, Finder
from lrlab.jobs import changing, resume, retry, set_lr, stop
from lrlab.jobs.cleaning import delete_checkpoints
from lrlab.jobs.queue import Queue
from lrlab.process import identity
from lrlab.runs import (
    FINAL,
    Attempt,
    DatasetFacts,
    LRChange,
    Result,
    checkpoint_file,
    create_run,
    lr_requests,
    open_log,
    request_lr,
    request_stop,
    stop_requested,
    update,
)


@pytest.fixture(autouse=True)
def _a_data_set(monkeypatch):
    """The images are there; the runs here need none."""
    monkeypatch.setattr(changing, "load_dataset", lambda home, name: None)


@pytest.fixture
def make(home):
    """A run of 10 epochs of 3 steps in that state, with one attempt; keywords are the Experiment's."""

    def made(state="cancelled", *, finder=None, result=None, **settings):
        facts = DatasetFacts(id="d8h4", name="coffee", classes=("Dark", "Light"), train=120, val=30)
        experiment = Experiment.model_validate({"dataset": "coffee", "epochs": 10, **settings})
        run = create_run(home, experiment, dataset=facts, steps_per_epoch=3, finder=finder)
        begun = Attempt(number=1, started=time.time(), identity=identity(), host=socket.gethostname())
        ended = time.time() if state in FINAL else None
        fields = {"result": result or Result(), "cause": "a reason", "advice": "some advice"} if ended else {}
        update(run, state=state, attempts=(begun,), ended=ended, **fields)
        return run

    return made


@pytest.mark.parametrize("state", ["cancelled", "failed", "lost"])
def test_a_run_that_ended_before_its_end_waits_in_the_queue_again(home, make, woken, state):
    run = make(state)
    request_stop(run)
    request_lr(run, factor=0.5)
    before = run.record
    assert resume(home, run.id) == run
    record = run.record
    assert (record.state, record.cause, record.advice, record.ended) == ("queued", "", "", None)
    assert (record.more_epochs, record.more_from) == (0, None)
    assert record.attempts[0].ended == before.ended
    assert not stop_requested(run) and not lr_requests(run)
    with Queue(home) as queue:
        assert queue.position(run.id) == 1
    assert woken[-1] == home


STOPPED = Result(best_epoch=4, best_val_accuracy=0.5, stopped_at=6, closing="Stopped early after epoch 6.")
GIVEN = [
    ("cancelled", Result(), 0, 5, 5, 10),
    ("succeeded", Result(), 0, 5, 5, 10),
    ("succeeded", Result(), 5, 5, 10, 15),  # for the second time
    ("succeeded", STOPPED, 0, 5, 2, 7),  # 7 epochs were over, so it has 12
    ("succeeded", STOPPED, 0, 1, -2, 7),  # and here 8, of the 10 that were planned
]


@pytest.mark.parametrize(("state", "result", "had", "given", "more_epochs", "more_from"), GIVEN)
def test_more_epochs_come_on_top(home, make, state, result, had, given, more_epochs, more_from):
    run = make(state, result=result)
    update(run, more_epochs=had)
    resume(home, run.id, given)
    record = run.record
    assert (record.more_epochs, record.more_from) == (more_epochs, more_from)
    assert (record.result.stopped_at, record.result.closing) == (None, "")
    assert record.result.best_epoch == result.best_epoch


REFUSED = [
    ("queued", {}, None, "run", "is queued; only a run that has ended goes on"),
    ("running", {}, None, "run", "is running; only a run that has ended goes on"),
    ("succeeded", {}, None, "epochs", "was trained to its end; say how many more epochs it is to have"),
    ("succeeded", {"result": STOPPED}, None, "epochs", "was stopped early; say how many more epochs it is to have"),
    ("failed", {}, 0, "epochs", "epochs: got 0, allowed: 1 to 10,000 more"),
    ("failed", {}, 10_001, "epochs", "epochs: got 10001, allowed: 1 to 10,000 more"),
    ("failed", {"finder": Finder()}, None, "run", "looked for an LR; start another one"),
]


@pytest.mark.parametrize(("state", "made", "epochs", "field", "message"), REFUSED)
def test_what_cannot_be_resumed_is_refused(home, make, state, made, epochs, field, message):
    run = make(state, **made)
    before = run.record
    with pytest.raises(LabError) as refused:
        resume(home, run.id, epochs)
    assert refused.value.field == field and message in str(refused.value)
    assert run.record == before
    with Queue(home) as queue:
        assert not queue.run_ids()


LEFT = [
    # How it ended, its updates (an epoch has 3), the checkpoint that is left -> whether it goes on
    ("succeeded", 30, None, False),
    ("stopped", 3, None, False),  # it keeps a checkpoint, and then its last model
    ("cancelled", 3, None, True),  # it was ended by force between its first epoch and the checkpoint
    ("cancelled", 4, None, False),
    ("failed", 4, None, False),
    ("lost", 4, None, False),
    ("failed", 3, None, True),  # it broke off between its first epoch and the checkpoint
    ("failed", 4, 3, True),
    ("succeeded", 30, 30, True),
]


@pytest.mark.parametrize("ask", [retry, lambda home, run_id: resume(home, run_id, 5)], ids=["retry", "resume"])
@pytest.mark.parametrize(("state", "updates", "left", "goes_on"), LEFT)
def test_a_model_whose_checkpoints_were_deleted_is_not_trained_over(home, make, ask, state, updates, left, goes_on):
    if ask is retry and state == "succeeded":
        return
    run = make("cancelled" if state == "stopped" else state)
    if state == "stopped":
        run.last_model.write_bytes(b"the last one")
    with open_log(run, 1) as log:
        for step in range(updates):
            log.step(step=step, epoch=step // 3, lr=0.1, loss=1.0)
    run.best_model.write_bytes(b"the best one")
    (run.folder / "checkpoints").mkdir()
    checkpoint_file(run, 1, updates).touch()
    delete_checkpoints(home, [run.id])
    if left is not None:
        checkpoint_file(run, 1, left).touch()
    if goes_on:
        assert ask(home, run.id).record.state == "queued"
        return
    before = run.record
    with pytest.raises(LabError, match="its checkpoints were deleted; start it anew") as refused:
        ask(home, run.id)
    assert (refused.value.field, run.record, run.best_model.read_bytes()) == ("run", before, b"the best one")


def test_a_run_whose_images_are_gone_is_refused(home, make, monkeypatch):
    def gone(home, name):
        raise NotFound("there is no such data set")

    monkeypatch.setattr(changing, "load_dataset", gone)
    with pytest.raises(LabError, match="dataset: 'coffee' was deleted, so the run cannot go on"):
        resume(home, make().id)


def test_a_run_that_the_supervisor_has_not_let_go_of_is_waited_for(home, make, monkeypatch):
    run = make()
    with Queue(home) as queue:
        queue.add(run.id)
        queue.claim("w1")
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            if len(waits) == 3:
                queue.remove(run.id)

        monkeypatch.setattr(changing.time, "sleep", sleep)
        resume(home, run.id)
        assert len(waits) == 3
        assert (run.record.state, queue.position(run.id), queue.claimed()) == ("queued", 1, [])


def test_it_is_not_waited_for_for_ever(home, make, monkeypatch):
    monkeypatch.setattr(changing, "LEAVING", 0.0)
    run = make()
    with Queue(home) as queue:
        queue.add(run.id)
    with pytest.raises(LabError, match="is still being ended; try again in a moment"):
        resume(home, run.id)
    assert run.record.state == "cancelled"


def test_a_queue_that_refuses_leaves_the_run_as_it_was(home, make, monkeypatch):
    run = make()
    before = run.record

    def refuse(queue, run_id, device):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Queue, "add", refuse)
    with pytest.raises(OSError):
        resume(home, run.id, 3)
    assert run.record == before


@pytest.mark.parametrize("finder", [None, Finder()])
@pytest.mark.parametrize("state", ["cancelled", "failed", "lost"])
def test_what_did_not_reach_its_end_is_tried_again(home, make, woken, state, finder):
    run = make(state, finder=finder)
    request_stop(run)
    assert retry(home, run.id) == run
    record = run.record
    assert (record.state, record.cause, record.advice, record.ended) == ("queued", "", "", None)
    assert record.attempts[0].ended and not stop_requested(run) and woken == [home, home]
    with Queue(home) as queue:
        assert queue.order() == [run.id]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("queued", "is queued; only a run that has ended goes on"),
        ("running", "is running; only a run that has ended goes on"),
        ("succeeded", "succeeded; there is nothing to try again"),
    ],
)
def test_what_is_under_way_or_done_is_not_tried_again(home, make, state, message):
    run = make(state)
    before = run.record
    with pytest.raises(LabError, match=message):
        retry(home, run.id)
    assert run.record == before


@pytest.mark.parametrize("state", ["queued", "running", "failed", "succeeded"])
def test_of_two_who_try_again_at_once_the_slower_is_refused_however_far_the_other_came(home, make, monkeypatch, state):
    run = make("failed")
    first = run.record.attempts[0]

    def another_is_faster(home, owner):
        attempts = (first,) if state == "queued" else (first, first.model_copy(update={"number": 2}))
        update(run, state=state, attempts=attempts, ended=time.time() if state in FINAL else None)

    monkeypatch.setattr(changing, "check_jobs", another_is_faster)
    with pytest.raises(LabError, match=f"was let go on meanwhile: it is {state}"):
        retry(home, run.id)
    assert run.record.state == state
    with Queue(home) as queue:
        assert queue.order() == []


@pytest.mark.parametrize("kind", ["succeed", "kill", "until asked"])
def test_a_real_supervisor_gives_a_resumed_run_to_another_worker(home, supervisor, enqueue, until, kind):
    """At once after its end, while the process of its last worker may still be leaving."""
    run = enqueue(kind)
    supervisor()
    for attempts in (1, 2, 3):
        until(lambda n=attempts: len(run.record.attempts) == n)
        if kind == "until asked":
            stop(home, run.id)
        until(lambda: run.record.state in FINAL)
        if attempts < 3:
            resume(home, run.id, epochs=1)
    assert run.record.state == {"succeed": "succeeded", "kill": "failed", "until asked": "cancelled"}[kind]
    assert [one.ended is not None for one in run.record.attempts] == [True, True, False]


@pytest.mark.parametrize(("asked", "state"), [
    ({"value": 0.01}, "running"), ({"factor": 0.5}, "running"), ({"factor": 20.0}, "queued"),
    ({"value": 999.0}, "queued"),
])  # fmt: skip
def test_an_lr_is_asked_for_in_the_runs_folder(home, make, asked, state):
    run = make(state)
    request = set_lr(home, run.id, **asked)
    assert [found for _, found in lr_requests(run)] == [request]
    assert (request.value, request.factor) == (asked.get("value"), asked.get("factor"))


PLATEAU = {"scheduler": {"name": "ReduceLROnPlateau"}}
SENSELESS = [
    ("succeeded", {}, {"value": 0.1}, "run", "has ended (succeeded); its LR can be changed once it was resumed"),
    ("running", {}, {}, "lr", "either a value or a factor"),
    ("running", {}, {"value": 0.1, "factor": 2.0}, "lr", "either a value or a factor"),
    ("running", {}, {"value": 0.0}, "lr", "lr: got 0.0, allowed: a number above 0 and at most 1000"),
    ("running", {}, {"value": 1001.0}, "lr", "lr: got 1001.0, allowed: a number above 0 and at most 1000"),
    ("running", {}, {"factor": -1.0}, "lr", "lr: got -1.0, allowed: a number above 0"),
    ("running", {}, {"factor": float("nan")}, "lr", "lr: got nan, allowed: a number above 0"),
    ("running", {}, {"factor": float("inf")}, "lr", "lr: got inf, allowed: a number above 0"),
    ("running", {}, {"factor": 2e9}, "lr", "lr: got 2000000000.0, allowed: a number above 0 and at most 1e9"),
    ("running", {"optimizer": {"name": "SGD", "lr": 0.1}}, {"factor": 2e4}, "lr",
     "lr: the schedule would bring it to 2000 in epoch 1, allowed: above 0 and at most 1000"),
    ("running", {"optimizer": {"name": "SGD", "lr": 1e-7}}, {"factor": 1e-320}, "lr", "would bring it to 0 in epoch 1"),
    ("running", {"optimizer": {"name": "SGD", "lr": 0.1}, "schedule": PLATEAU}, {"factor": 2e4}, "lr",
     "would bring it to 2000 in epoch 1"),
    ("running", {"optimizer": {"name": "SGD", "lr": 0.1}, "schedule": {**PLATEAU, "warmup": {"length": 2}}},
     {"value": 101.0}, "lr", "would bring it to 1010 in epoch 3"),  # a tenth of what it rises to
    ("running", {"optimizer": {"name": "SGD", "lr": 1e-7},
                 "schedule": {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 10.0}}},
     {"value": 0.1}, "lr", "lr: the schedule would bring it to 1e8 in epoch 10, allowed: above 0 and at most 1000"),
    ("running", {"schedule": {"scheduler": {"name": "LambdaLR", "formula": "0 * epoch"}}}, {"factor": 2.0}, "lr",
     "lr: the schedule is at 0 to the end of the run, and 0 times anything is 0"),
    ("running", {"optimizer": {"name": "Rprop"}}, {"factor": 2.0}, "lr", "Rprop looks at its LR at the first update"),
    ("running", {"finder": Finder()}, {"factor": 2.0}, "run", "looks for an LR; there is none to change"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "made", "asked", "field", "message"), SENSELESS)
def test_a_change_that_makes_no_sense_is_refused(home, make, state, made, asked, field, message):
    run = make(state, **made)
    with pytest.raises(LabError) as refused:
        set_lr(home, run.id, **asked)
    assert refused.value.field == field and message in str(refused.value)
    assert not lr_requests(run)


@pytest.mark.parametrize("schedule", [{}, PLATEAU])
@pytest.mark.parametrize(
    ("before", "refused", "allowed"),
    [
        ([{"factor": 100.0}], {"factor": 101.0}, {"factor": 100.0}),  # 0.1 x 100 x 101
        ([{"factor": 1e-3}, {"value": 50.0}], {"factor": 21.0}, {"factor": 20.0}),
        ([{"factor": 1e4}], {"factor": 1.1}, {"value": 1000.0}),
    ],
)
def test_what_was_asked_for_before_counts(home, make, schedule, before, refused, allowed):
    run = make("queued", optimizer={"name": "SGD", "lr": 0.1}, schedule=schedule)
    for asked in before:
        set_lr(home, run.id, **asked)
    with pytest.raises(LabError, match="allowed: above 0 and at most 1000"):
        set_lr(home, run.id, **refused)
    set_lr(home, run.id, **allowed)
    assert len(lr_requests(run)) == len(before) + 1


def test_what_the_worker_has_taken_up_is_not_counted_twice(home, make):
    run = make("queued", optimizer={"name": "SGD", "lr": 0.1})
    request = set_lr(home, run.id, factor=100.0)
    update(run, lr_changes=(LRChange(step=0, factor=100.0, time=request.time, lr=10.0),))
    set_lr(home, run.id, factor=100.0)


def test_where_a_plateau_has_lowered_the_lr_there_is_more_room(home, make):
    run = make("running", optimizer={"name": "SGD", "lr": 0.1}, schedule=PLATEAU)
    update(run, lr_changes=(LRChange(step=0, factor=0.5, time=1.0, lr=0.05),))
    with open_log(run, 1) as log:
        for step, lr in enumerate((0.05, 0.05, 0.05, 0.0005)):
            log.step(step=step, epoch=step // 3, lr=lr, loss=1.0)
    with pytest.raises(LabError, match="would bring it to 1050"):
        set_lr(home, run.id, factor=2.1e6)
    set_lr(home, run.id, factor=1.9e6)
