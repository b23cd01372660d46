"""The whole way from a terminal, with real processes: add images, train, watch, stop, interrupt, compare, delete."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import pytest
from numpy.testing import assert_allclose

from lrlab import jobs
from lrlab.files import is_id
from lrlab.home import Home
from lrlab.runs import Run, load_run

pytestmark = pytest.mark.usefixtures("supervised")

PROJECT = Path(__file__).resolve().parents[2]

EXPERIMENT = {
    "dataset": "lights", "image_size": 16, "batch_size": 4, "epochs": 3, "device": "cpu",
    "schedule": {
        "scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5},
        "warmup": {"length": 2, "unit": "step", "start_factor": 0.1},
    },
}  # fmt: skip
ENDLESS = ("--set", "epochs=10000")


@dataclass(frozen=True)
class Lab:
    """A lab of its own whose commands are processes of their own."""

    home: Home
    experiment: Path
    environment: dict[str, str]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lrlab", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=self.home.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def train(self, *arguments: object) -> tuple[subprocess.Popen[str], Run]:
        """Starts `train` and waits for the run's id, which comes long before the end."""
        process = self.start("train", self.experiment, *arguments)
        assert process.stdout
        run_id = process.stdout.readline().strip()
        assert is_id(run_id)
        return process, load_run(run_id, self.home)

    def stop(self, run: Run) -> None:
        jobs.stop(self.home, run.id)
        until(lambda: run.record.state == "cancelled")


def until(condition: Callable[[], bool]) -> None:
    """Waits until `condition` holds; fails where it does not within a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.05)


@pytest.fixture(scope="module", autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Where tests run in the background of a shell, Ctrl-C is ignored, which their children would inherit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("whole_way")
    environment = {**os.environ, "LRLAB_HOME": str(root / "lab"), "PYTHONPATH": str(PROJECT)}
    made = Lab(Home(root / "lab").ensure(), root / "experiment.json", environment)
    made.experiment.write_text(json.dumps(EXPERIMENT))
    added = made.run("data", "add", pictures, "--name", "lights")
    assert added.returncode == 0, added.stderr
    yield made
    end_processes_of(made.home)


def end_processes_of(home: Home) -> None:
    """Ends the supervisor and the workers of this very lab."""
    mine = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if "lrlab" in process.cmdline() and process.environ().get("LRLAB_HOME") == str(home.root):
                process.kill()
                mine.append(process)
    psutil.wait_procs(mine, timeout=10)


def test_a_run_from_start_to_end(lab: Lab) -> None:
    done = lab.run("train", lab.experiment, "--set", "optimizer.name=SGD", "--set", "optimizer.lr=0.01")
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.removesuffix("\n")
    assert is_id(run_id), "stdout holds the bare id and nothing else"
    progress = done.stderr.splitlines()
    assert any(line.startswith("waiting in the queue") for line in progress), progress
    assert progress[-1].startswith("succeeded: finished in ")
    assert "best val accuracy" in progress[-1]

    spec = lab.home.root / "spec.json"
    spec.write_text(json.dumps(EXPERIMENT["schedule"]))
    out = lab.home.root / "out"
    options = ("--lr", "0.01", "--epochs", "3", "--steps-per-epoch", "5", "--csv", lab.home.root / "preview.csv")
    assert lab.run("schedule", spec, *options).returncode == 0
    assert lab.run("runs", "export", run_id, "--csv", out).returncode == 0
    preview, log = pd.read_csv(lab.home.root / "preview.csv"), pd.read_csv(out / "steps.csv")
    assert log[["step", "epoch"]].equals(preview[["step", "epoch"]])
    assert_allclose(log["lr"], preview["lr"], rtol=1e-9)
    assert len(pd.read_csv(out / "epochs.csv")) == 3


def test_a_run_stopped_elsewhere_is_no_success(lab: Lab) -> None:
    process, run = lab.train(*ENDLESS)
    until(lambda: len(run.epochs) > 0)
    assert lab.run("runs", "delete", run.id, "--yes").returncode == 2, "a running run stays"
    stopped = lab.run("runs", "stop", run.id)
    assert stopped.returncode == 0
    assert stopped.stdout == f"{run.id}: stopping at the next step\n"
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == "", "the id was all"
    assert err.splitlines()[-1].startswith("cancelled: stopped after ")
    assert lab.run("runs", "delete", run.id, "--yes").returncode == 0
    assert not run.folder.exists()


def test_ctrl_c_leaves_the_run_alone(lab: Lab) -> None:
    process, run = lab.train(*ENDLESS, "--set", "schedule.scheduler.name=Fixed")
    until(lambda: len(run.epochs) > 0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[0].startswith("schedule.scheduler.name is now Fixed; dropped what belonged to StepLR")
    assert err.splitlines()[-2:] == [
        f"The run goes on. Look at it: python -m lrlab runs show {run.id}",
        f"Stop it: python -m lrlab runs stop {run.id}",
    ]
    assert "Traceback" not in err
    epochs = len(run.epochs)
    until(lambda: len(run.epochs) > epochs)
    lab.stop(run)


def test_detached_runs_wait_in_the_queue(lab: Lab) -> None:
    first, second = (lab.run("train", lab.experiment, *ENDLESS, "--detach") for _ in range(2))
    assert (first.returncode, first.stderr, second.returncode) == (0, "", 0)
    running, waiting = (load_run(done.stdout.strip(), lab.home) for done in (first, second))
    until(lambda: running.state == "running")
    assert jobs.position(lab.home, waiting.id) == 1
    stopped = lab.run("runs", "stop", waiting.id)
    assert stopped.stdout == f"{waiting.id}: stopped before the first update\n"
    lab.stop(running)


def test_a_run_that_fails_says_why(lab: Lab) -> None:
    # Each update multiplies every weight by 1 - 1000 x 10, so that the loss is not finite after a few.
    diverging = '{"name": "SGD", "lr": 1000, "weight_decay": 10}'
    done = lab.run("train", lab.experiment, "--set", f"optimizer={diverging}", "--set", "schedule={}")
    assert done.returncode == 1, done.stderr
    assert "failed: " in done.stderr
    assert "LR" in done.stderr.splitlines()[-1], done.stderr


def test_a_pipe_that_nobody_reads_ends_it_quietly(lab: Lab) -> None:
    spec = lab.home.root / "fixed.json"
    spec.write_text("{}")
    line = f"{sys.executable} -m lrlab schedule {spec} --epochs 10000 --csv - | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], env=lab.environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["step,epoch,lr", "141"]
    assert done.stderr == ""
