"""What every test may ask for: a lab of its own, and the real images where they lie beside the project."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.experiments import Experiment, Finder
from lrlab.home import Home, lab_home
from lrlab.jobs import changing, requests
from lrlab.jobs.launching import ensure_supervisor
from lrlab.process import Identity, identity
from lrlab.runs import Attempt, DatasetFacts, Run, checkpoint_file, create_run, open_log, update
from lrlab.runs.finder import Smoother
from lrlab.schedules import curve

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty lab in the test's own folder; LRLAB_HOME names it, so that processes the test starts use it too."""
    monkeypatch.setenv("LRLAB_HOME", str(tmp_path / "lab"))
    for setting in ("LRLAB_JOBS", "LRLAB_IDLE_SECONDS"):
        monkeypatch.delenv(setting, raising=False)
    return lab_home()


@pytest.fixture(autouse=True)
def _nobody_wakes_a_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor starts workers that import torch and outlive the test: whoever means it asks for `supervised`."""

    def woken(home: Home) -> bool:
        pytest.fail("a supervisor was called for; a test that calls for one asks for `woken` or `supervised`")

    for module in (requests, changing):
        monkeypatch.setattr(module, "ensure_supervisor", woken)


@pytest.fixture
def woken(_nobody_wakes_a_supervisor: None, monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """The labs whose supervisor was called for; none is started."""
    calls: list[Home] = []
    for module in (requests, changing):
        monkeypatch.setattr(module, "ensure_supervisor", calls.append)
    return calls


@pytest.fixture
def supervised(_nobody_wakes_a_supervisor: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that is called for is started; the test ends it."""
    for module in (requests, changing):
        monkeypatch.setattr(module, "ensure_supervisor", ensure_supervisor)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the project; tests that need it are skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} is absent")
    return folder


def stand_in() -> Identity:
    """A process of its own that does nothing until its test is over: what a supervisor may do to a worker, it may."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    _STAND_INS.append(process)
    return identity(process.pid)


_STAND_INS: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _stand_ins_leave() -> Iterator[None]:
    yield
    while _STAND_INS:
        with _STAND_INS.pop() as process:
            process.kill()


class HandWorker:
    """Writes a run's log as a worker does, update by update when it is told to; nothing is trained.

    Each update takes a tenth of a second by the clock in the log; the loss falls as 1 / (1 + updates / 20), and the
    validation accuracy of epoch e is 1 - 0.5 / (e + 1).
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        record = run.record
        self.steps_per_epoch, self.updates = record.steps_per_epoch, 0
        experiment = record.experiment
        self.lr = curve(experiment.schedule, experiment.optimizer.lr, experiment.epochs, self.steps_per_epoch).lr
        self.began = time.time()
        host, me = socket.gethostname(), stand_in()
        begun = Attempt(number=1, started=self.began, identity=me, host=host, device="CPU, 2 threads", threads=2)
        update(run, state="running", attempts=(begun,))
        self.log = open_log(run, 1)

    def train(self, updates: int | None = None, loss: float | None = None) -> HandWorker:
        """Writes the next `updates` rows (default: all that are left) and a row for each epoch that ends with them."""
        last = len(self.lr) if updates is None else self.updates + updates
        for step in range(self.updates, last):
            epoch, now, lr = step // self.steps_per_epoch, self.began + 0.1 * step, self.lr[step]
            fallen = 1 / (1 + step / 20)
            self.log.step(step=step, epoch=epoch, time=now, lr=lr, loss=fallen if loss is None else loss)
            if (step + 1) % self.steps_per_epoch == 0:
                accuracy = 1 - 0.5 / (epoch + 1)
                self.log.epoch(
                    epoch=epoch, step=step, time=now + 0.05, lr=lr, train_loss=fallen, train_accuracy=accuracy,
                    val_loss=fallen + 0.1, val_accuracy=accuracy, images_per_second=320.0, seconds=1.0,
                )  # fmt: skip
        self.updates = last
        return self

    def end(self, state: str = "succeeded", **fields: Any) -> Run:
        """Closes the log, leaves models and a checkpoint behind and records how the run ended."""
        self.log.close()
        kept = checkpoint_file(self.run, 1, self.updates)
        kept.parent.mkdir()
        kept.touch()
        for path in (self.run.best_model, self.run.last_model):
            path.write_bytes(np.random.default_rng(0).bytes(64))
        update(self.run, state=state, ended=self.began + 0.1 * self.updates, **fields)
        return self.run


class HandFinder:
    """Writes a finder's log as its worker does, update by update when it is told to; nothing is trained.

    The loss falls from 1.8 to 0.6 around the LR 1e-3 and shoots up from 0.5 on; `flat`: it stays at 1.8.
    """

    def __init__(self, run: Run, *, flat: bool = False) -> None:
        self.run, self.flat = run, flat
        finder = run.record.finder
        assert finder is not None
        self.finder, self.updates, self.began = finder, 0, time.time()
        begun = Attempt(number=1, started=self.began, identity=stand_in(), host=socket.gethostname(), device="CPU")
        update(run, state="running", attempts=(begun,))
        self.log = open_log(run, 1, ("smoothed",))

    def search(self, updates: int | None = None) -> HandFinder:
        """Writes the next `updates` rows (default: all that are left)."""
        last = self.finder.updates if updates is None else self.updates + updates
        for row in range(self.updates, last):
            sweep, step = divmod(row, self.finder.steps)
            if step == 0:
                self._smooth = Smoother()
            lr = self.finder.lr(step)
            fall = 0.0 if self.flat else 1.2 / (1 + (1e-3 / lr) ** 1.2) - 3 * max(0.0, math.log10(lr / 0.5))
            loss = 1.8 + 0.01 * sweep - fall
            self.log.step(
                step=row, epoch=sweep, time=self.began + 0.1 * row, lr=lr, loss=loss, smoothed=self._smooth(loss)
            )
        self.updates = last
        return self

    def end(self, state: str = "succeeded", **fields: Any) -> Run:
        """Closes the log and records how the search ended."""
        self.log.close()
        update(self.run, state=state, ended=self.began + 0.1 * self.updates, **fields)
        return self.run


@pytest.fixture
def hand_finder() -> type[HandFinder]:
    """For a search that something else has submitted."""
    return HandFinder


@pytest.fixture
def start_search(home: Home) -> Callable[..., HandFinder]:
    """`start_search(Finder(seeds=2), batch_size=16)`: a search that a HandFinder has; keywords are Experiment's."""

    def start(finder: Finder | None = None, *, flat: bool = False, **experiment: Any) -> HandFinder:
        facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)
        chosen, asked = Experiment(**{"dataset": "coffee", **experiment}), finder or Finder()
        run = create_run(home, chosen, dataset=facts, steps_per_epoch=asked.steps, finder=asked)
        return HandFinder(run, flat=flat)

    return start


@pytest.fixture
def start_run(home: Home) -> Callable[..., HandWorker]:
    """`start_run(name="a", epochs=3, steps_per_epoch=5)`: a run that a HandWorker has; keywords are Experiment's."""

    def start(*, steps_per_epoch: int = 5, **experiment: Any) -> HandWorker:
        facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)
        chosen = Experiment(**{"dataset": "coffee", "epochs": 4, **experiment})
        return HandWorker(create_run(home, chosen, dataset=facts, steps_per_epoch=steps_per_epoch))

    return start
