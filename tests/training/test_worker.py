"""The worker as a process of its own: its words, its exit codes, its log, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lrlab.home import Home
from lrlab.jobs.slots import slots
from lrlab.process import identity
from lrlab.runs import Run, update
from lrlab.training.worker import NICENESS, attempt

from .conftest import MakeRun

WAIT = """
import sys
import psutil
from lrlab.home import lab_home
from lrlab.training import wait_and_work
code = wait_and_work(lab_home())
print("late:", sorted({"torchvision", "streamlit"} & set(sys.modules)), "niceness:", psutil.Process().nice())
sys.exit(code)
"""


def waiting_worker() -> subprocess.Popen[str]:
    """A worker of the lab that LRLAB_HOME names, started as the supervisor starts it."""
    return subprocess.Popen(
        [sys.executable, "-c", WAIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )


@pytest.mark.usefixtures("home")
def test_a_waiting_worker_says_ready_and_ends_quietly_with_its_input() -> None:
    with waiting_worker() as worker:
        printed, _ = worker.communicate(timeout=120)
    # It computes nothing yet, so it need not stand back.
    assert printed.splitlines() == ["ready", f"late: [] niceness: {psutil.Process().nice()}"]
    assert worker.returncode == 0


def test_a_waiting_worker_trains_the_run_that_it_is_given(make_run: MakeRun) -> None:
    run = make_run(epochs=1)
    with waiting_worker() as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        rest, _ = worker.communicate(f"{run.id}\n", timeout=120)
    assert (rest, worker.returncode) == ("", 0)  # what it printed is in the run's worker.log
    record = run.record
    assert record.state == "succeeded"
    assert record.attempts[0].identity.pid == worker.pid
    assert len(run.steps) == 3
    log = run.worker_log.read_text()
    assert "colours: 30 images to train on, 18 to validate" in log
    assert "succeeded" in log
    assert "Traceback" not in log
    assert "Warning" not in log
    lowered = psutil.BELOW_NORMAL_PRIORITY_CLASS if psutil.WINDOWS else max(psutil.Process().nice(), NICENESS)
    assert log.endswith(f"late: [] niceness: {lowered}\n")


@pytest.mark.parametrize(("gpus", "gpu"), [((), ""), (("GPU-a",), "GPU-a")])
@pytest.mark.parametrize("named", ["-1", "0"])
def test_an_attempt_tells_the_gpu_of_its_slot(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, named: str, gpus: tuple[str, ...], gpu: str
) -> None:
    """And none where there is none: what CUDA_VISIBLE_DEVICES said to the whole lab is no slot's."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    for name, value in slots(1, gpus)[0].environment.items():
        monkeypatch.setenv(name, value)
    run = make_run(device="mps" if sys.platform != "darwin" else "cuda")  # over as soon as it has begun
    attempt(home, run)
    assert [one.gpu for one in run.record.attempts] == [gpu]


def test_a_run_that_fails_says_so_and_tells_the_rest_in_its_log(make_run: MakeRun) -> None:
    run = make_run(device="mps" if sys.platform != "darwin" else "cuda")
    with waiting_worker() as worker:
        printed, _ = worker.communicate(f"{run.id}\n", timeout=120)
    assert (printed, worker.returncode) == ("ready\n", 1)
    assert run.record.state == "failed"
    assert run.record.cause.startswith("device: got ")
    assert "Traceback" in run.worker_log.read_text()


def test_a_run_that_another_process_works_on_is_left_to_it(home: Home, make_run: MakeRun) -> None:
    run = make_run(epochs=1)
    attempt(home, run)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        claim(run, other.pid)
        before = (run.folder / "run.json").read_bytes()
        assert attempt(home, run) == 1
        assert (run.folder / "run.json").read_bytes() == before
        other.communicate(b"\n", timeout=60)
    assert attempt(home, run) == 0  # it is gone: the run may be had again


def claim(run: Run, pid: int) -> None:
    """Leaves `run` as a worker with that process leaves it that has just begun."""
    (only,) = run.record.attempts
    update(run, state="running", ended=None, attempts=(only.model_copy(update={"identity": identity(pid)}),))
