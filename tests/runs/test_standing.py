"""The progress strip: counts, the best epoch, and what is going on in words."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from lrlab.charts import series
from lrlab.experiments import Finder
from lrlab.runs import (
    Beat,
    Run,
    best_words,
    create_run,
    headline,
    list_runs,
    open_log,
    request_stop,
    status,
    table,
    update,
)
from lrlab.runs.standing import best, duration, ordinal


def test_before_the_first_point_it_says_what_is_happening(make_run, begin):
    run = make_run()
    said = lambda position=None: status(run, position).message  # noqa: E731
    assert said() == "waiting in the queue"
    assert said(2) == "waiting in the queue: 2nd"
    Beat(run).say("starting worker")
    assert said() == "starting worker"
    begin(run)
    beat = Beat(run)
    assert said() == "starting worker"  # the heartbeat is the supervisor's still
    beat.say("decoding images", 320, 1262)
    assert said() == "decoding images 320 of 1,262"
    beat.say("first batch")
    assert said() == "first batch"
    request_stop(run)
    assert said() == "stopping at the next step"


def test_a_run_that_has_begun(make_run, begin):
    run = make_run(epochs=5, val=30)
    now = time.time()
    begin(run, started=now - 20)
    with open_log(run, 1) as log:
        for step in range(6):
            log.step(step=step, epoch=step // 4, time=now - 9 + step + (step > 3), lr=0.1, loss=1)
            if step == 3:
                log.epoch(
                    epoch=0, step=3, time=now - 5, lr=0.1, train_loss=1, train_accuracy=1, val_loss=1, val_accuracy=0.5,
                    images_per_second=1, seconds=1,
                )  # fmt: skip
        Beat(run).batch(0.5, phase="training", images_per_second=128.0, step=5, epoch=1, done=2, total=4)
        seen = status(run)
    assert (seen.state, seen.epoch, seen.epochs, seen.step, seen.steps, seen.share) == ("running", 2, 5, 6, 20, 0.3)
    assert (seen.best_epoch, seen.best_val_accuracy) == (0, 0.5)
    assert (seen.images_per_second, seen.device, seen.message) == (128.0, "CPU", "training 2 of 4")
    # 14 updates of 1 s and 4 validations; a cycle took 4 s from the end of its first update, so 5 s: 1 s beside 4.
    assert seen.eta == pytest.approx(14 + 4 * 1 - 1, abs=1.0)
    assert seen.elapsed == pytest.approx(20, abs=5)
    assert not seen.final


def test_the_window_of_a_long_log_gives_the_same_answer(make_run, begin):
    run = make_run(epochs=10, steps_per_epoch=500)
    begin(run, started=0.0)
    with open_log(run, 1) as log:
        for step in range(3000):
            log.step(step=step, epoch=step // 500, time=1.0 + step + 100 * (step // 500), lr=0.1, loss=1 / (step + 1))
            if step % 500 == 499:
                log.epoch(
                    epoch=step // 500, step=step, time=101.0 + step + 100 * (step // 500), lr=0.1, train_loss=1,
                    train_accuracy=1, val_loss=1, val_accuracy=0.5, images_per_second=1, seconds=1,
                )  # fmt: skip
        assert (run.folder / "steps-1.csv").stat().st_size > 64 * 1024
        Beat(run).say("training")
        seen = status(run)
    assert (seen.epoch, seen.step, seen.share) == (6, 3000, 0.6)
    assert seen.eta == pytest.approx(4 * 600 - 1)  # the next update is overdue since 1970


def test_a_log_of_many_parameter_groups_with_long_names(make_run, begin):
    run = make_run(epochs=5)
    begin(run)
    names = [f"lr.{number:02d}{'g' * 35}" for number in range(64)]
    with open_log(run, 1, names) as log:
        for step in range(3):
            log.step(step=step, epoch=0, lr=0.1, loss=1, **dict.fromkeys(names, 1 / 3))
        assert (status(run).step, status(run).steps) == (3, 20)


def test_a_search_validates_nothing_so_no_time_is_left_for_it(make_run, hand_finder, home):
    finder, record = Finder(steps=100, seeds=1), make_run().record
    facts = record.dataset.model_copy(update={"val": 40_000, "test": 40_000})
    run = create_run(home, record.experiment, dataset=facts, steps_per_epoch=finder.steps, finder=finder)
    search = hand_finder(run).search(30)  # a tenth of a second each
    assert status(run).eta == pytest.approx(70 * 0.1)
    search.end()


def test_between_the_sweeps_that_a_search_has_made_no_time_is_left(make_run, hand_finder, home):
    finder, record = Finder(steps=100, seeds=3), make_run().record
    run = create_run(home, record.experiment, dataset=record.dataset, steps_per_epoch=finder.steps, finder=finder)
    search = hand_finder(run).search(100)
    search.began += 5  # seconds that the next model takes to be built
    search.search(50)
    assert status(run).eta == pytest.approx(150 * 0.1 + 5)
    search.end()


@pytest.mark.parametrize(
    ("state", "cause", "message", "eta"),
    [
        ("succeeded", "", "finished in 1 min 0 s", None),
        ("failed", "CUDA out of memory", "CUDA out of memory", None),
        ("cancelled", "", "stopped after 8 of 8 updates", None),
        ("lost", "the worker ended while nobody watched it", "the worker ended while nobody watched it", None),
    ],
)
def test_a_run_that_has_ended(trained, state, cause, message, eta):
    run = trained(0.5, 0.75, state=state)
    update(run, cause=cause, advice="Try.", ended=1060.0)
    seen = status(run)
    assert (seen.state, seen.message, seen.cause, seen.advice, seen.eta) == (state, message, cause, "Try.", eta)
    assert (seen.epoch, seen.step, seen.share, seen.elapsed) == (2, 8, 1.0, 60.0)
    assert seen.final and seen.images_per_second is None


def test_a_stopped_run_that_never_began(make_run):
    run = make_run()
    update(run, state="cancelled", ended=time.time())
    seen = status(run)
    assert (seen.message, seen.epoch, seen.step, seen.elapsed) == ("stopped before the first update", 0, 0, None)


def test_a_worker_that_is_gone_and_one_that_is_silent(make_run, begin):
    run = make_run()
    start = begin(run, started=time.time() - 100)
    seen = status(run)
    assert seen.state == "stalled" and seen.message.startswith("nothing has been finished for 1 min 4")
    update(run, attempts=(start.model_copy(update={"identity": start.identity.model_copy(update={"started": 1.0})}),))
    seen = status(run)
    assert (seen.state, seen.message, seen.cause) == (
        "lost",
        "the worker's process is gone",
        "the worker's process is gone",
    )


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [
        ((0.5, 0.75, 0.6), (1, 0.75)),
        ((0.5, 0.5), (0, 0.5)),
        ((float("nan"), 0.1), (1, 0.1)),
        ((float("nan"),), (None, None)),
    ],
)
def test_the_best_epoch_has_the_highest_accuracy_and_is_the_first_of_equals(trained, accuracies, best):
    seen = status(trained(*accuracies))
    assert (seen.best_epoch, seen.best_val_accuracy) == best


@pytest.mark.parametrize(
    ("by", "accuracies", "losses", "row"),
    [
        ("val_accuracy", [0.5, 0.5, 0.5, 0.4], [3.0, 1.0, 1.0, 0.1], 1),
        ("val_loss", [0.9, 0.7, 0.5, 0.6], [3.0, 1.0, 0.1, 0.2], 2),
        ("val_loss", [0.5, 0.6, 0.6, 0.4], [1.0, 1.0, 1.0, 2.0], 1),
        ("val_loss", [0.9, 0.4], [float("nan"), 9.0], 1),
        ("val_loss", [float("nan"), 0.4], [0.1, 9.0], 1),  # not validated
        ("val_loss", [0.3, 0.4], [float("nan"), float("inf")], 1),
        ("val_loss", [float("nan")], [0.1], None),
    ],
)
def test_the_best_epoch_is_the_one_whose_model_is_kept(by, accuracies, losses, row):
    epochs = pa.table({"epoch": range(len(losses)), "val_accuracy": accuracies, "val_loss": losses})
    assert best(epochs, by) == ((None, None) if row is None else (row, accuracies[row]))


@pytest.mark.parametrize(("monitor", "by"), [("none", "accuracy"), ("val_accuracy", "accuracy"), ("val_loss", "loss")])
def test_early_stopping_says_by_what_a_run_is_the_best(make_run, begin, monitor, by):
    run = make_run(early_stopping={"monitor": monitor, "patience": 9})
    begin(run)
    with open_log(run, 1) as log:
        for epoch, (accuracy, loss) in enumerate([(0.6, 0.9), (0.8, 0.7), (0.7, 0.4)]):
            log.step(step=4 * epoch + 3, epoch=epoch, lr=0.1, loss=1)
            rest = dict.fromkeys(("lr", "train_loss", "train_accuracy", "images_per_second", "seconds"), 1.0)
            log.epoch(epoch=epoch, step=4 * epoch + 3, val_accuracy=accuracy, val_loss=loss, **rest)
    expected = {"accuracy": (1, 0.8, "val_accuracy"), "loss": (2, 0.7, "val_loss")}[by]
    seen, row = status(run), table([run]).iloc[0]
    assert (seen.best_epoch, seen.best_val_accuracy, seen.best_by) == expected
    assert tuple(row[["best_epoch", "best_val_accuracy", "best_by"]]) == expected
    assert series(run, "#000").best_row == expected[0]
    said = "best val accuracy" if by == "accuracy" else "val accuracy at the lowest val loss"
    assert headline([run]).endswith(f"({said}, 1 run)")
    assert f"reaches {100 * expected[1]:.1f} %" in headline([run])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((0.8421, "val_accuracy"), "best 84.2 %"),
        ((0.8421, "val_accuracy", 5), "best 84.2 % at epoch 6"),
        ((0.8421, "val_accuracy", 5, "val accuracy"), "best val accuracy 84.2 % at epoch 6"),
        ((0.819, "val_loss", 1233), "best by val loss: 81.9 % at epoch 1,234"),
        ((0.819, "val_loss", None, "val accuracy"), "best by val loss: val accuracy 81.9 %"),
    ],
)
def test_the_best_model_in_words(given, words):
    assert best_words(*given) == words


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd"), (112, "112th")],
)
def test_ordinals(number, text):
    assert ordinal(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (45.4, "45 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3600, "1 h 0 min"), (7530, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_every_run_of_a_lab_has_a_status(make_run, trained, home):
    make_run(), trained(0.5)
    assert [isinstance(run, Run) and status(run).steps for run in list_runs(home)] == [4, 12]
