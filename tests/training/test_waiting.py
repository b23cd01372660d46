"""No update waits for the GPU: each kind of update on a GPU that is pretended, where every wait is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lrlab.experiments import Experiment
from lrlab.runs import Beat, open_log, stop_requested
from lrlab.training.batches import EvalBatches, Pictures, TrainBatches
from lrlab.training.devices import Device
from lrlab.training.gradient import Gradient
from lrlab.training.loop import Loop, Observer, Update
from lrlab.training.loss import build_loss
from lrlab.training.models import build_model
from lrlab.training.normalization import IMAGENET
from lrlab.training.observers import Hand, Heartbeat, Recorder, StopWatch, recorder
from lrlab.training.optimizers import build_optimizer
from lrlab.training.rates import Rates
from lrlab.training.resuming import Checkpointer
from lrlab.training.schedulers import Driver

from .conftest import MakeRun
from .pretended_gpu import GPU, PretendedGPU, Waited, gradients_of_nothing, pretended, put

CLASSES, BATCH, UPDATES = 3, 8, 3

AUGMENTS: dict[str, dict[str, Any]] = {
    "crop and flip": {},
    "upside down": {"vertical_flip": 0.5},
    "colours": {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.3},
    "rotation": {"rotation": 30},
    "resized": {"crop": "resized"},
    "erasing": {"erasing": 0.8},
    "mixup": {"mixup": 0.5},
    "cutmix": {"cutmix": 1.0},
    "all": {
        "crop": "resized", "rotation": 20, "vertical_flip": 0.5, "brightness": 0.3, "contrast": 0.3, "saturation": 0.3,
        "hue": 0.1, "erasing": 0.5, "mixup": 1.0, "cutmix": 1.0,
    },
}  # fmt: skip

TREATMENTS: dict[str, dict[str, Any]] = {
    "clipped by norm": {"clip": {"by": "norm", "limit": 1.0}},
    "clipped by value": {"clip": {"by": "value", "limit": 1.0}},
    "norm logged": {"grad_norm": True},
    "penalties and weights": {
        "regularization": {"l1": 0.1, "l2": 0.1, "label_smoothing": 0.1, "class_weights": "balanced"}
    },
    "accumulated": {"accumulate": 3},
    "float32": {"precision": "float32"},
    "float16": {"precision": "float16"},
    "all": {
        "clip": {"by": "norm", "limit": 1.0}, "accumulate": 2, "precision": "float16",
        "regularization": {"l1": 0.1, "l2": 0.1, "label_smoothing": 0.1, "class_weights": "balanced"},
    },
}  # fmt: skip

OPTIMIZERS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop"]


@pytest.mark.parametrize("lies", ["device", "disk"])
@pytest.mark.parametrize("augment", AUGMENTS)
def test_no_change_to_the_images_waits(
    augment: str, lies: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(make_run, monkeypatch, lies == "device", {"augment": AUGMENTS[augment]})


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_no_treatment_of_the_gradient_waits(treatment: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(make_run, monkeypatch, True, TREATMENTS[treatment])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_optimizer_waits(optimizer: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(make_run, monkeypatch, True, {"optimizer": {"name": optimizer}})


WAITING = [("ASGD", "bfloat16"), ("Adafactor", "bfloat16"), ("RMSprop", "float16")]
"""In torch's own code: two read what they keep there, and where gradients are scaled only a fused update needs not ask
whether they were finite."""


@pytest.mark.parametrize(("optimizer", "precision"), WAITING)
def test_where_torch_waits_it_is_known(
    optimizer: str, precision: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Waited, match="_local_scalar_dense"):
        trained(make_run, monkeypatch, True, {"optimizer": {"name": optimizer}, "precision": precision})


@pytest.mark.parametrize("network", ["resnet18", "squeezenet1_1", "efficientnet_b0", "vit_b_16"])
def test_no_network_waits(network: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(make_run, monkeypatch, True, {"model": {"name": network}, "image_size": 32})


class Reader(Observer):
    """What must not be written: a value is read after every update."""

    def after_update(self, loop: Loop) -> None:
        float(loop.loss)


def test_an_observer_that_reads_the_loss_is_found(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Waited, match="_local_scalar_dense"):
        trained(make_run, monkeypatch, True, {}, Reader())


class Watch(Observer):
    """The GPU is watched from the second update on: in the first one optimisers put what they keep there."""

    def __init__(self, gpu: PretendedGPU) -> None:
        self._gpu = gpu

    def after_update(self, loop: Loop) -> None:
        self._gpu.watched = True


def trained(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, fits: bool, settings: dict[str, Any], *further: Observer
) -> None:
    """Updates as a run makes them, with all that watches a run, on a GPU that is pretended and where images fit."""
    monkeypatch.setattr(recorder, "BUNDLE_SECONDS", 0)  # figures are asked for after each update
    run = make_run(**settings)
    experiment, rng = run.record.experiment, np.random.default_rng(0)
    side, count = experiment.image_size, UPDATES * BATCH * experiment.accumulate
    images = rng.integers(0, 256, (count, side + 2, side + 2, 3), dtype=np.uint8)
    labels = rng.integers(0, CLASSES, count)
    precision = "bfloat16" if experiment.precision == "auto" else experiment.precision
    device = Device(GPU, "a pretended GPU", 1, precision)
    loss = build_loss(experiment.regularization, labels, CLASSES)
    with torch.device("meta"):  # whose weights nobody draws
        model = build_model(experiment.model, CLASSES, side)
    with (
        pretended(monkeypatch, room=1 << 40 if fits else 0) as gpu,
        open_log(run, 1, extra_step_columns=columns(experiment)) as log,
    ):
        put(model)
        put(loss)
        monkeypatch.setattr(torch.autograd, "backward", gradients_of_nothing(model))
        pictures = Pictures(images, labels, side, GPU, IMAGENET)
        assert pictures.home.type == ("cuda" if fits else "cpu")
        optimizer, beat = build_optimizer(experiment, model), Beat(run)
        rates = Rates(optimizer)
        gradient = Gradient(model, experiment.regularization, experiment.clip, experiment.grad_norm)
        loop = Loop(
            model,
            optimizer,
            Driver(experiment.schedule, optimizer, experiment.epochs, UPDATES),
            TrainBatches(pictures, np.arange(count), BATCH, experiment.seed, experiment.augment),
            EvalBatches(pictures, np.arange(count), BATCH),
            device,
            (
                Watch(gpu),
                Recorder(log, BATCH * experiment.accumulate, columns(experiment)),
                Heartbeat(beat, BATCH, 100),
                Hand(run),
                Checkpointer(run, 1, log, beat),
                StopWatch(lambda: stop_requested(run)),
                *further,
            ),
            Update(loss, gradient, experiment.accumulate),
            rates,
        )
        sent = gpu.copies
        loop._train()
        assert loop.step + 1 == UPDATES
        assert loop.loss.device == GPU
        assert fits or gpu.copies - sent >= 2 * UPDATES, "images and labels are sent"


def columns(experiment: Experiment) -> tuple[str, ...]:
    clips = experiment.clip.by != "none"
    return ("accuracy", *(("grad_norm",) if clips or experiment.grad_norm else ()), *(("clipped",) if clips else ()))


HOST = torch.arange(3)

WAITS: dict[str, Callable[[Tensor], object]] = {
    "item": lambda there: there.sum().item(),
    "float": lambda there: float(there.sum()),
    "a question": lambda there: bool(there.sum() > 0),
    "tolist": lambda there: there.tolist(),
    "cpu": lambda there: there.cpu(),
    "to the CPU": lambda there: there.to("cpu"),
    "equal": lambda there: torch.equal(there, there),
    "nonzero": lambda there: there.nonzero(),
    "the places of a mask": lambda there: there[there > 0],
    "values at the places of a mask": lambda there: there.__setitem__(there > 0, there),
    "an index on the host": lambda there: there[HOST],
    "a list as an index": lambda there: there[[0, 2]],
    "made of numbers": lambda there: torch.tensor([1.0, 2.0], device=there.device),
    "sent": lambda there: HOST.to(there.device),
    "sent from memory that is not pinned": lambda there: HOST.to(there.device, non_blocking=True),
    "sent from pinned memory, and waited for": lambda there: HOST.pin_memory().to(there.device),
    "copied onto": lambda there: there.copy_(HOST[:, None]),
    "copied out": lambda there: HOST.copy_(there[:, 0], non_blocking=True),
}

FREE: dict[str, Callable[[Tensor], object]] = {
    "sent from pinned memory": lambda there: HOST.pin_memory().to(there.device, non_blocking=True),
    "fetched": lambda there: there.to("cpu", non_blocking=True),
    "made there": lambda there: torch.arange(5, device=there.device),
    "an index there": lambda there: there[torch.arange(2, device=there.device)],
    "filled by a mask": lambda there: there.masked_fill_(there > 0, 0),
    "work on the host": lambda there: (HOST + 1).tolist(),
    "arithmetic": lambda there: (there @ there.T).softmax(0).argmax(1) + 1,
}


@pytest.mark.parametrize("case", WAITS)
def test_each_way_to_wait_is_found(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended(monkeypatch) as gpu:
        there = torch.zeros(3, 4, device=GPU)
        gpu.watched = True
        with pytest.raises(Waited):
            WAITS[case](there)


@pytest.mark.parametrize("case", FREE)
def test_what_does_not_wait_is_free(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended(monkeypatch) as gpu:
        there = torch.zeros(3, 4, device=GPU)
        gpu.watched = True
        FREE[case](there)
