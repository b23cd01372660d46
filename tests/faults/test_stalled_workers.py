"""Workers that hang: shown as stalled, they go on where they woke; one that lost its run meanwhile leaves it alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lrlab.home import Home
from lrlab.jobs import stop
from lrlab.process import identity
from lrlab.runs import Attempt, Run, RunRecord, liveness, open_log, revise, status
from tests.training.conftest import MakeRun, dataset, make_run, pictures

from .labs import ended, enqueue, wait_until, warm
from .serving import LONG

__all__ = ["dataset", "make_run", "pictures", "warm"]

pytestmark = pytest.mark.timeout(3600)

STOPS = 10 if LONG else 3
SILENCE = 2.0
"""Seconds in place of max(30, 5 x its slowest batch), so that the test need not wait for them."""

SHARED = ("best.safetensors", "last.safetensors", "predictions.parquet", "run.json", "heartbeat.json", "steps-2.csv")
"""The files of a run that a worker must leave alone which is not the run's any more."""


@pytest.fixture
def trained(home: Home, make_run: MakeRun, warm: subprocess.Popen[bytes]) -> Iterator[tuple[Run, psutil.Process]]:
    """A run of very many epochs that has a best model already, and its worker."""
    run = make_run(epochs=5000, early_stopping={"monitor": "none"})
    enqueue(home, run)
    wait_until(lambda: run.best_model.exists() and len(run.epochs) > 1)
    worker = psutil.Process(run.record.attempts[0].identity.pid)
    yield run, worker
    if worker.is_running():
        worker.resume()


def test_it_is_shown_as_stalled_and_goes_on(
    trained: tuple[Run, psutil.Process],
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str, str], None],
) -> None:
    run, worker = trained
    monkeypatch.setattr(liveness, "SILENCE", SILENCE)
    monkeypatch.setattr(liveness, "SLOWEST_BATCHES", 0)  # the batch in which it is stopped is slow itself
    shown = []
    for _ in range(STOPS):
        wait_until(lambda: run.state == "running")
        worker.suspend()
        stopped = time.time()
        wait_until(lambda: run.state == "stalled")
        shown.append(time.time() - stopped - SILENCE)
        told = status(run)
        assert told.message.startswith("nothing has been finished for") and told.advice and told.log
        rows = len(run.steps)
        worker.resume()
        wait_until(lambda rows=rows: len(run.steps) > rows and run.state == "running")
    steps = run.steps["step"].tolist()
    assert steps == list(range(len(steps)))
    assert len(run.record.attempts) == 1
    figure(
        "worker hangs",
        f"{STOPS} SIGSTOPs: each shown as stalled at most {max(0.1, max(shown)):.1f} s after its time was over, "
        "each went on after SIGCONT with no row lost or doubled",
    )


def give_to_another(run: Run) -> Attempt:
    """What a lab on another machine does that has taken the run over: attempt 2, from update 1 on."""

    def change(record: RunRecord) -> dict[str, object]:
        first = record.attempts[0].model_copy(update={"ended": time.time()})
        elsewhere = identity().model_copy(update={"boot_id": "another machine's", "started": 1.0})
        second = Attempt(number=2, first_step=1, started=time.time(), identity=elsewhere, host="another-machine")
        return {"attempts": (first, second)}

    return revise(run, change).attempts[-1]


def contents(run: Run) -> dict[str, bytes]:
    return {name: (run.folder / name).read_bytes() for name in SHARED if (run.folder / name).exists()}


def test_one_that_lost_its_run_spoils_nothing_and_leaves(
    trained: tuple[Run, psutil.Process], figure: Callable[[str, str], None]
) -> None:
    run, worker = trained
    worker.suspend()
    second = give_to_another(run)
    with open_log(run, second.number, ("accuracy",)) as log:
        log.step(step=1, epoch=0, lr=0.5, loss=2.0, accuracy=0.5)
    (run.folder / "best.safetensors").write_bytes(b"the best model of attempt 2")
    (run.folder / "heartbeat.json").write_text('{"phase": "training", "time": 1.0}')
    before = contents(run)
    woken = time.monotonic()
    worker.resume()
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    took = time.monotonic() - woken
    after = contents(run)
    # It may have been stopped just before it wrote its heartbeat, which the next one replaces.
    assert {name for name in before if before[name] != after[name]} <= {"heartbeat.json"}
    assert before.keys() == after.keys()
    assert (run.record.state, run.record.attempts[-1]) == ("running", second)
    assert run.steps[["step", "lr"]].to_numpy().tolist()[1:] == [[1.0, 0.5]]
    assert "this worker leaves: attempt 2 has the run" in run.worker_log.read_text()
    figure("a lost lease", f"noticed and left {took:.1f} s after it woke; files of the run changed: 0 of {len(before)}")


@pytest.mark.parametrize("how", ["deleted", "ended"])
def test_one_whose_run_is_over_leaves(trained: tuple[Run, psutil.Process], how: str, tmp_path: Path) -> None:
    run, worker = trained
    worker.suspend()
    if how == "deleted":
        run.folder.rename(tmp_path / "deleted")
    else:
        revise(run, lambda record: {"state": "lost", "ended": time.time()})
    worker.resume()
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    if how == "deleted":
        assert not run.folder.exists()
    else:
        assert ended(run) and run.record.state == "lost"


def test_a_worker_that_hangs_is_ended_when_a_person_stops_it(trained: tuple[Run, psutil.Process], home: Home) -> None:
    run, worker = trained
    worker.suspend()
    stop(home, run.id, force=True)
    wait_until(lambda: ended(run))
    assert (run.record.state, run.record.cause) == ("cancelled", "it was ended by force")
    assert run.best_model.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, signal.SIGCONT)
