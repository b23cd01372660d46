"""A small data set of pictures that can be told apart, runs on it that nobody queued, and their worker in-process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lrlab.datasets import Dataset, add_dataset, load_dataset, split
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.runs import DatasetFacts, Run, create_run
from lrlab.training import devices, resuming

CLASSES = {"blue": (-30, -30, 30), "green": (-30, 30, -30), "red": (30, -30, -30)}
TRAIN, VAL, TEST = 10, 6, 4
"""Images of each class."""

MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train/, val/ and test/: any colour, with a tint that is the class; too few to be learnt well."""
    folder = tmp_path_factory.mktemp("pictures") / "colours"
    rng = np.random.default_rng(5)
    for part, count in (("train", TRAIN), ("val", VAL), ("test", TEST)):
        for name, tint in CLASSES.items():
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                colour = rng.normal(128, 40, 3) + tint
                pixels = rng.normal(colour, 40, (20, 20, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number}.png")
    return folder


@pytest.fixture
def dataset(home: Home, pictures: Path) -> Dataset:
    return add_dataset(home, pictures, "colours")


@pytest.fixture
def make_run(home: Home, dataset: Dataset) -> MakeRun:
    """A queued run of 3 epochs of 3 steps on the colours, 16 px, on the CPU; `settings` change the experiment."""

    def make(**settings: Any) -> Run:
        values = {"dataset": dataset.name, "image_size": 16, "batch_size": 10, "epochs": 3, "device": "cpu", **settings}
        experiment = Experiment.model_validate(values)
        found = load_dataset(home, experiment.dataset)
        parts = split(found, experiment.validation)
        facts = DatasetFacts(
            id=found.id,
            name=found.name,
            classes=found.classes,
            train=len(parts.train),
            val=len(parts.val),
            test=len(parts.test),
        )
        return create_run(home, experiment, dataset=facts, steps_per_epoch=facts.train // experiment.images_per_update)

    return make


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Any:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    yield
    torch.set_num_threads(threads)
    torch.set_rng_state(state)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models as small as these are quickest on one thread, and it leaves the other core to other tests."""
    monkeypatch.setattr(devices, "MOST_THREADS", 1)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every update, whatever it costs."""
    monkeypatch.setattr(resuming, "EVERY", 0.0)
    monkeypatch.setattr(resuming, "COST", float("inf"))
