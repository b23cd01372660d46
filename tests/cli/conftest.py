"""The command line as a function, a small folder of pictures, and a finished run that needed no training."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lrlab.cli import main
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.process import identity
from lrlab.runs import Attempt, DatasetFacts, Run, create_run, open_log, update


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


Lrlab = Callable[..., Done]


@pytest.fixture
def lrlab(home: Home, capsys: pytest.CaptureFixture[str]) -> Lrlab:
    """Carries out one command line in this process, on the test's own lab."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two classes, 12 small pictures each: bright ones and dark ones."""
    folder = tmp_path_factory.mktemp("pictures") / "lights"
    rng = np.random.default_rng(0)
    for name, middle in (("bright", 200), ("dark", 60)):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.normal(middle, 20, (24, 24, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def make_run(home: Home) -> Callable[..., Run]:
    """A run of 2 epochs of 3 steps as a worker leaves it, without its models; `settings` change the experiment."""

    def make(accuracies: tuple[float, ...] = (0.5, 0.75), **settings: Any) -> Run:
        experiment = Experiment.model_validate({"dataset": "lights", "epochs": 2, **settings})
        facts = DatasetFacts(id="d8h4", name="lights", classes=("bright", "dark"), train=12, val=4)
        run = create_run(home, experiment, dataset=facts, steps_per_epoch=3)
        attempt = Attempt(number=1, started=time.time() - 60, identity=identity(), host="here", device="CPU", torch="2")
        update(run, state="running", attempts=(attempt,))
        log = open_log(run, attempt.number)
        lr = experiment.optimizer.lr
        for epoch, accuracy in enumerate(accuracies):
            for step in range(3 * epoch, 3 * epoch + 3):
                log.step(step=step, epoch=epoch, time=attempt.started + step, lr=lr, loss=1 / (step + 1))
            log.epoch(
                epoch=epoch, step=3 * epoch + 2, time=attempt.started + 3 * epoch + 2, lr=lr, train_loss=0.5,
                train_accuracy=0.6, val_loss=float("nan"), val_accuracy=accuracy, images_per_second=10.0, seconds=3.0,
            )  # fmt: skip
        log.close()
        update(run, state="succeeded", ended=attempt.started + 30)
        return run

    return make
