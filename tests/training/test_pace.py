"""What training will take: the optimiser's memory by hand, and how an epoch's time is put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lrlab.errors import LabError
from lrlab.experiments import OPTIMIZERS, Experiment
from lrlab.home import Home
from lrlab.training import pace as paces
from lrlab.training.devices import choose_device
from lrlab.training.pace import measure, pace, states_of
from lrlab.training.summary import summarise


def asked(**settings: Any) -> Experiment:
    return Experiment.model_validate({"dataset": "d", "device": "cpu", "image_size": 32, "batch_size": 4, **settings})


@pytest.mark.parametrize(
    ("optimizer", "states"),
    [
        ({"name": "SGD"}, 1),
        ({"name": "SGD", "momentum": 0}, 0),
        ({"name": "Adam"}, 2),
        ({"name": "Adam", "amsgrad": True}, 3),
        ({"name": "RMSprop"}, 1),
        ({"name": "Adafactor"}, 2 / 64),  # a row and a column of 64 numbers for 64 x 64
    ],
)
def test_numbers_kept_for_each_weight(optimizer: dict[str, Any], states: float) -> None:
    assert states_of(asked(optimizer=optimizer).optimizer) == states


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_can_be_looked_at(name: str) -> None:
    assert 0 <= states_of(asked(optimizer={"name": name}).optimizer) <= 4


class Trial:
    """In place of real updates: 10 ms and 2 ms an image for a batch, 4 ms for an update, 1 ms an image forward."""

    def __init__(self, *given: object) -> None:
        pass

    def batch(self, size: int) -> float:
        return 0.010 + 0.002 * size

    def update(self) -> float:
        return 0.004

    def forward(self, size: int) -> float:
        return 0.001


@pytest.mark.parametrize(
    ("work", "settings", "measured_on", "seconds"),
    [
        # 10 batches of 16: each 0.010 + 16 x 0.002, and 0.004 for the update; 50 validation images.
        (1e12, {}, 16, 10 * (0.042 + 0.004) + 0.05),
        # The same by the line through batches of 2 and 6.
        (6.5, {}, 6, 10 * (0.042 + 0.004) + 0.05),
        # Updates after every second batch.
        (1e12, {"accumulate": 2}, 16, 10 * 0.042 + 5 * 0.004 + 0.05),
    ],
)
def test_an_epoch_worked_by_hand(
    monkeypatch: pytest.MonkeyPatch, work: float, settings: dict[str, Any], measured_on: int, seconds: float
) -> None:
    experiment = asked(batch_size=16, **settings)
    each = 3 * summarise(experiment.model, 3, 32).multiply_adds
    monkeypatch.setattr(paces, "_Trial", Trial)
    monkeypatch.setattr(paces, "MOST_WORK", {"cpu": work * each if work < 100 else work})
    found = measure(experiment, 3, train=163, val=50)
    assert found.measured_on == measured_on
    assert found.seconds_per_epoch == pytest.approx(seconds)
    words = found.sentence(16)
    assert words.startswith("measured just now on CPU" if measured_on == 16 else "estimated from batches of 6 on CPU")


def test_what_would_not_fit_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paces, "_available", lambda device: 1_000_000)
    found = measure(asked(), 3, train=16)
    assert found.seconds_per_epoch is None
    assert found.memory > 1_000_000
    assert found.sentence(4).startswith("not measured: it would not fit into the memory (CPU")


@pytest.mark.parametrize(
    "settings", [{}, {"model": {"name": "mobilenet_v3_small"}, "pretrained": "frozen"}, {"precision": "bfloat16"}]
)
def test_real_updates_are_timed(settings: dict[str, Any], tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    told = pace(Home(tmp_path), experiment=asked(**settings).model_dump(mode="json"), num_classes=3, train=16, val=4)
    assert told["seconds_per_epoch"] > 0
    assert told["sentence"] == f"measured just now on {told['device']}"
    assert told["device"].startswith("CPU")
    torch.set_num_threads(threads)


def test_a_batch_that_cannot_be_trained_on_is_refused() -> None:
    with pytest.raises(LabError, match="batch_size"):
        measure(asked(model={"name": "resnet18"}, batch_size=1), 3, train=16)


def test_weights_are_not_drawn_at_random() -> None:
    """Of VGG-16 that alone would take seconds; and the generator of a process that trains next is left alone."""
    before = torch.get_rng_state()
    paces._Trial(asked(), 3, choose_device("cpu", "small_cnn"))
    assert torch.equal(torch.get_rng_state(), before)
