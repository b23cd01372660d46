"""A person stops a run, whatever it is at: it ends at once or at its next step, what it has is kept and usable."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import psutil
import pytest

from lrlab.home import Home
from lrlab.jobs import retry, stop
from lrlab.runs import Run, liveness, update, usable_checkpoints
from lrlab.training.checkpoints import load_model
from tests.training.conftest import MakeRun, dataset, make_run, pictures
from tests.training.interrupting import assert_same

from .labs import ended, enqueue, wait_until, warm

__all__ = ["dataset", "make_run", "pictures", "warm"]

pytestmark = pytest.mark.timeout(3600)

PHASES = (
    "starting worker", "decoding images", "checking the schedule", "building the model", "first batch", "training",
    "validating", "saving the best model", "saving", "evaluating",
)  # fmt: skip
"""What a worker says that it is at, in the order in which it comes there."""

LEARNT = ("saving the best model", "saving", "evaluating")
"""From here on there is a best model."""


def test_at_work(
    home: Home, make_run: MakeRun, warm: subprocess.Popen[bytes], figure: Callable[[str, str], None]
) -> None:
    stopped = [make_run(name=f"stop while {phase}", image_size=16 + 8 * (phase == PHASES[1])) for phase in PHASES]
    alone, at_24 = make_run(name="nobody stops it"), make_run(name="nor this one", image_size=24)
    enqueue(home, *stopped, alone, at_24)
    runs = dict(zip(PHASES, stopped, strict=True))
    wait_until(lambda: ended(*stopped, alone, at_24))
    for phase, run in runs.items():
        record = run.record
        assert (record.state, record.cause) == ("cancelled", ""), (phase, record.cause)
        if phase in LEARNT:
            assert load_model(run.best_model)[1].run == run.id
        if PHASES.index(phase) >= PHASES.index("training"):
            assert load_model(run.last_model)[1].run == run.id
            assert usable_checkpoints(run, record.attempts), phase
        retry(home, run.id)
    wait_until(lambda: ended(*stopped))
    for phase, run in runs.items():
        assert run.record.state == "succeeded", (phase, run.record.cause)
        assert_same(run, at_24 if phase == PHASES[1] else alone)
    figure(
        "stop by a person, at work",
        f"{len(PHASES)} of {len(PHASES)} phases: cancelled, models usable, and tried again each became the run that "
        "nobody had stopped",
    )


def test_in_every_other_state(
    home: Home,
    make_run: MakeRun,
    warm: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str, str], None],
) -> None:
    lasting: dict[str, object] = {"epochs": 5000, "early_stopping": {"monitor": "none"}}
    stalled, waiting = make_run(name="stalled", **lasting), make_run(name="queued")
    enqueue(home, stalled, waiting)
    wait_until(lambda: len(stalled.steps) > 1)
    worker = psutil.Process(stalled.record.attempts[0].identity.pid)

    stop(home, waiting.id)
    assert (waiting.record.state, waiting.record.attempts) == ("cancelled", ())

    monkeypatch.setattr(liveness, "SILENCE", 1.0)
    monkeypatch.setattr(liveness, "SLOWEST_BATCHES", 0)
    worker.suspend()
    wait_until(lambda: stalled.state == "stalled")
    stop(home, stalled.id)
    assert stalled.state == "stalled"
    began = time.monotonic()
    stop(home, stalled.id, force=True)
    wait_until(lambda: ended(stalled))
    took = time.monotonic() - began
    assert (stalled.record.state, stalled.record.cause) == ("cancelled", "it was ended by force")

    for state in ("succeeded", "failed", "cancelled", "lost"):
        over: Run = make_run(name=state)
        before = update(over, state=state, ended=5.0, cause="its own")
        stop(home, over.id)
        stop(home, over.id, force=True)
        assert over.record == before

    lost = make_run(name="lost", **lasting)
    enqueue(home, lost)
    wait_until(lambda: len(lost.steps) > 1)
    warm.kill()
    warm.wait()
    psutil.Process(lost.record.attempts[0].identity.pid).send_signal(signal.SIGKILL)
    wait_until(lambda: lost.state == "lost")
    stop(home, lost.id)  # starts a supervisor, which finds nobody to stop
    wait_until(lambda: ended(lost))
    assert lost.record.state == "cancelled"
    figure("stop by a person, else", f"queued, stalled ({took:.1f} s by force), lost: cancelled; ended: left as it was")
