"""What a person asks for: planned to the end before anything is made, and undone at any moment."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import lrlab.jobs
from lrlab.datasets import add_dataset
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.jobs import delete, lab_status, move, plan, position, run_status, stop, submit
from lrlab.jobs.queue import Queue
from lrlab.process import identity
from lrlab.runs import Attempt, Beat, list_runs, load_run, stop_requested, update


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Home:
    """A lab with two data sets: "beans", 2 classes of 10 images, and "tested", which brings val/ and test/."""
    folder = tmp_path_factory.mktemp("lab")
    made = Home(folder / "home").ensure()
    random = np.random.default_rng(0)

    def draw(*parts: str) -> None:
        path = folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)

    for name in ("Dark", "Light"):
        for number in range(10):
            draw("beans", name, f"{number}.png")
        for part, count in (("train", 7), ("val", 3), ("test", 2)):
            for number in range(count):
                draw("tested", part, name, f"{number}.png")
    add_dataset(made, folder / "beans", "beans")
    add_dataset(made, folder / "tested", "tested")
    return made


@pytest.fixture
def home(filled, monkeypatch):
    """The filled lab, without the runs of earlier tests."""
    monkeypatch.setenv("LRLAB_HOME", str(filled.root))
    yield filled
    with Queue(filled) as queue:
        for run in list_runs(filled):
            queue.remove(run.id)
            update(run, state="cancelled")
            delete(filled, run.id)


def beans(**settings) -> Experiment:
    return Experiment(**{"dataset": "beans", "batch_size": 5, "epochs": 3, **settings})


@pytest.mark.parametrize(
    ("settings", "train", "val", "test", "steps_per_epoch", "updates"),
    [
        ({}, 16, 4, 0, 3, 9),  # a fifth of each class is held out; 16 images fill 3 batches of 5
        ({"batch_size": 16}, 16, 4, 0, 1, 3),
        ({"batch_size": 1}, 16, 4, 0, 16, 48),
        ({"validation": {"fraction": 0.5}}, 10, 10, 0, 2, 6),
        ({"dataset": "tested"}, 14, 6, 4, 2, 6),
        ({"batch_size": 3, "accumulate": 2}, 16, 4, 0, 2, 6),
        ({"batch_size": 4, "accumulate": 4}, 16, 4, 0, 1, 3),
    ],
)
def test_a_plan_counts_images_and_updates(home, settings, train, val, test, steps_per_epoch, updates):
    planned = plan(home, beans(**settings))
    assert planned.dataset.name == settings.get("dataset", "beans")
    assert (planned.train, planned.val, planned.test) == (train, val, test)
    assert (planned.steps_per_epoch, planned.updates) == (steps_per_epoch, updates)


WILD = {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.02, "step_size_up": 1, "mode": "exp_range", "gamma": 1.3}
"""Each cycle is higher than the one before, and its momentum lower: below 0 in the end."""
GROWING = {"interval": "step", "scheduler": {"name": "ExponentialLR", "gamma": 100}}


@pytest.mark.parametrize(
    ("settings", "field", "message"),
    [
        ({"dataset": "none"}, "dataset", "there is no data set 'none'; there are: tested, beans"),
        ({"batch_size": 17}, "batch_size", "batch_size: got 17, allowed: at most 16, the number of training images"),
        ({"schedule": GROWING}, "schedule", "schedule: the LR reaches 100000 at update 4, allowed: at most 1000"),
        ({"epochs": 10_000, "batch_size": 1, "schedule": GROWING}, "schedule", "the LR reaches"),
        (
            {"accumulate": 4},
            "accumulate",
            "accumulate: got 4, allowed: at most 3; an update takes accumulate x batch_size",
        ),
        (
            {"epochs": 4, "schedule": {"interval": "step", "scheduler": WILD}},
            "schedule",
            "schedule: the momentum is -0.16045 at update 9, allowed: at least 0 and below 1",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(home, woken, settings, field, message):
    for deed in (plan, submit):
        with pytest.raises(LabError) as refused:
            deed(home, beans(**settings))
        assert refused.value.field == field
        assert message in str(refused.value)
    assert list_runs(home) == [] and woken == []
    assert not list(home.runs.iterdir())
    assert lab_status(home).queued == 0


def test_a_submitted_run_waits_and_its_supervisor_is_called(home, woken):
    first, second = submit(home, beans(name="first")), submit(home, beans(name="second"))
    assert woken == [home, home]
    record = first.record
    assert (record.name, record.state, record.steps_per_epoch, record.steps) == ("first", "queued", 3, 9)
    facts = record.dataset
    assert (facts.name, facts.classes, facts.train, facts.val, facts.test) == ("beans", ("Dark", "Light"), 16, 4, 0)
    assert [position(home, run.id) for run in (first, second)] == [1, 2]
    assert run_status(home, second.id).message == "waiting in the queue: 2nd"
    assert (lab_status(home).running, lab_status(home).queued, lab_status(home).warm) == (0, 2, False)


def test_a_run_knows_whether_its_validation_images_were_drawn(home, woken):
    runs = [submit(home, beans(dataset=name)) for name in ("beans", "tested")]
    assert [run.record.dataset.by_folders for run in runs] == [False, True]


def test_a_queue_that_refuses_leaves_no_run(home, monkeypatch):
    def refuse(self, run_id, device):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Queue, "add", refuse)
    with pytest.raises(OSError):
        submit(home, beans())
    assert not list(home.runs.iterdir())


def test_stopping_a_run_that_waits_cancels_it(home, woken):
    run, other = submit(home, beans()), submit(home, beans())
    woken.clear()
    stop(home, run.id)
    assert run.record.state == "cancelled" and run.record.ended
    assert [position(home, one.id) for one in (run, other)] == [None, 1]
    assert woken == []
    before = run.record
    stop(home, run.id)
    assert run.record == before


def test_stopping_a_run_that_a_worker_has_asks_the_worker(home, woken):
    run = submit(home, beans())
    with Queue(home) as queue:
        queue.claim("w")
    Beat(run).say("starting worker")
    assert run_status(home, run.id).message == "starting worker"
    woken.clear()
    stop(home, run.id)
    assert stop_requested(run) and run.record.state == "queued"
    assert woken == [home]  # somebody must see to it, should the worker be gone
    assert run_status(home, run.id).message == "stopping"


def test_only_force_ends_a_run_that_bears_the_name_of_a_machine_that_is_no_more(home, make_run):
    run, dead = make_run(), identity().model_copy(update={"boot_id": "another boot"})
    attempt = Attempt(number=1, started=1.0, identity=dead, host="a-container-that-was")
    update(run, state="running", attempts=(attempt,))
    Beat(run).say("training")
    stop(home, run.id, force=True)
    assert run.record.state == "running"  # it said something a moment ago
    (run.folder / "heartbeat.json").unlink()
    stop(home, run.id)
    assert run.record.state == "running"
    stop(home, run.id, force=True)
    assert run.record.state == "cancelled"
    delete(home, run.id)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_is_not_over_is_not_deleted(home, state):
    import socket
    import time

    from lrlab.runs import Attempt

    run = submit(home, beans())
    if state == "running":
        attempt = Attempt(number=1, started=time.time(), identity=identity(), host=socket.gethostname())
        update(run, state="running", attempts=(attempt,))
    with pytest.raises(LabError, match=f"is {state}; stop it first"):
        delete(home, run.id)
    assert load_run(run.id, home)


def test_a_deleted_run_is_gone(home):
    run = submit(home, beans())
    stop(home, run.id)
    delete(home, run.id)
    for deed in (delete, stop, run_status):
        with pytest.raises(NotFound):
            deed(home, run.id)


def test_a_lab_whose_spare_lives_is_warm(home):
    me = identity()
    with Queue(home) as queue:
        queue.set_spare(me.model_dump_json())
        assert lab_status(home).warm
        queue.set_spare(me.model_copy(update={"started": me.started - 60}).model_dump_json())
        assert not lab_status(home).warm


def test_the_room_offers_what_it_says():
    assert all(getattr(lrlab.jobs, name) for name in lrlab.jobs.__all__)
    with pytest.raises(AttributeError):
        _ = lrlab.jobs.no_such_name


def test_a_waiting_run_is_moved_and_no_other(home, enqueue, make_run):
    first, second, elsewhere = enqueue(), enqueue(), make_run()
    move(home, second.id, 1)
    assert [position(home, run.id) for run in (first, second)] == [2, 1]
    with pytest.raises(LabError, match="place: got 0, allowed: at least 1"):
        move(home, first.id, 0)
    with pytest.raises(LabError, match="does not wait any more: it is queued"):
        move(home, elsewhere.id, 1)
    with pytest.raises(NotFound):
        move(home, "nosuchrun", 1)
