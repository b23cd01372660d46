"""What training will take on this device, before it starts: memory, and seconds for an epoch by a few real updates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lrlab.experiments import Experiment, Optimizer, Summary
from lrlab.home import Home
from lrlab.settings import at_a_time
from lrlab.training.devices import Device, choose_device, shared_threads
from lrlab.training.models import NETWORKS, build_model, check_batch, freeze
from lrlab.training.optimizers import build_optimizer
from lrlab.training.summary import summarise

UPDATES = 6
"""So many updates are measured at most; the quickest counts."""

ENOUGH = 1.0
"""Seconds after which no further one begins."""

MOST_WORK = {"cpu": 3e10, "cuda": 3e12, "mps": 3e11}
"""Multiply-adds of a measured update: about a second. Of larger batches two small ones are timed: what their images
take, and what an update takes beside them, tell the rest."""

MEMORY_SHARE = 0.5
"""Part of the free memory that the measuring itself may take."""


@dataclass(frozen=True)
class Pace:
    """`memory`: bytes, about; `available`: bytes of the device that are free, None where that is not known.

    `seconds_per_epoch`: training and validation; None where it would not fit into the memory. `measured_on`: images of
    the largest batch that was timed; fewer than the experiment's where that would have taken too long.
    """

    device: str
    memory: int
    available: int | None
    seconds_per_epoch: float | None
    measured_on: int

    def sentence(self, batch_size: int) -> str:
        """How the time was found, in words."""
        if self.seconds_per_epoch is None:
            return f"not measured: it would not fit into the memory ({self.device})"
        if self.measured_on == batch_size:
            return f"measured just now on {self.device}"
        return f"estimated from batches of {self.measured_on} on {self.device}"


def pace(home: Home, *, experiment: dict[str, Any], num_classes: int, train: int, val: int = 0) -> dict[str, Any]:
    """As `measure`, for the helper process: `experiment` is an Experiment as JSON."""
    asked = Experiment.model_validate(experiment)
    found = measure(asked, num_classes, train, val, shared_threads(at_a_time(home)))
    return {**vars(found), "sentence": found.sentence(asked.batch_size)}


def measure(experiment: Experiment, num_classes: int, train: int, val: int = 0, threads: int | None = None) -> Pace:
    """Times `experiment` on `train` images an epoch, validated on `val`, with images of noise.

    LabError where the device is missing or the batch cannot be trained on. It takes some seconds.
    """
    check_batch(experiment)
    device = choose_device(experiment.device, experiment.model.name, experiment.precision, threads)
    frozen = experiment.pretrained == "frozen"
    summary = summarise(experiment.model, num_classes, experiment.image_size, frozen=frozen)
    states = states_of(experiment.optimizer)
    memory = summary.training_bytes(experiment.batch_size, states)
    available = _available(device)
    sizes = _measurable(experiment, summary, device)
    if available is not None and summary.training_bytes(sizes[-1], states) > MEMORY_SHARE * available:
        return Pace(device.text, memory, available, None, sizes[-1])
    trial = _Trial(experiment, num_classes, device)
    batch = _at(experiment.batch_size, sizes, [trial.batch(size) for size in sizes])
    update, forward = trial.update(), trial.forward(sizes[-1])
    batches = train // experiment.batch_size
    seconds = batches * batch + batches / experiment.accumulate * update + val * forward
    return Pace(device.text, memory, available, seconds, sizes[-1])


def states_of(settings: Optimizer) -> float:
    """How many numbers the optimiser keeps for each weight: 2 of Adam's, none of plain gradient descent."""
    weight = nn.Parameter(torch.zeros(64, 64))
    weight.grad = torch.ones_like(weight)
    build: Any = getattr(torch.optim, settings.name)
    optimizer: torch.optim.Optimizer = build([weight], **settings.model_dump(exclude={"name"}))
    optimizer.step()
    kept = [value for value in optimizer.state[weight].values() if isinstance(value, torch.Tensor) and value.dim()]
    return sum(value.numel() for value in kept) / weight.numel()


def _available(device: Device) -> int | None:
    if device.device.type == "cuda":
        return int(torch.cuda.mem_get_info(device.device)[0])
    return int(psutil.virtual_memory().available) if device.device.type == "cpu" else None


def _measurable(experiment: Experiment, summary: Summary, device: Device) -> list[int]:
    """Images of the batches that are timed: the experiment's, or two smaller ones of MOST_WORK at most."""
    passes = 1 if experiment.pretrained == "frozen" else 3  # the backward pass takes twice the forward one's work
    images = int(MOST_WORK[device.device.type] // (passes * summary.multiply_adds))
    if images >= experiment.batch_size:
        return [experiment.batch_size]
    most = max(images, 4)  # batch norm wants two
    return [max(2, most // 3), most] if most < experiment.batch_size else [experiment.batch_size]


def _at(images: int, sizes: list[int], seconds: list[float]) -> float:
    """Seconds for a batch of `images`, on the line through what was measured."""
    if len(sizes) == 1:
        return seconds[0] * images / sizes[0]
    (few, more), (short, long) = sizes, seconds
    each = min(max((long - short) / (more - few), 0.5 * long / more), long / more)  # noise bends the line
    return long + each * (images - more)


class _Trial:
    """An experiment's model and optimiser on batches of noise."""

    def __init__(self, experiment: Experiment, num_classes: int, device: Device) -> None:
        self._device, self._classes, self._side = device, num_classes, experiment.image_size
        with torch.device("meta"):
            model = build_model(experiment.model, num_classes, experiment.image_size)
        if experiment.pretrained == "frozen":
            freeze(model, NETWORKS[experiment.model.name].head)
        # Drawing a hundred million weights takes longer than what is measured; any value that is no zero will do.
        self._model = model.to_empty(device=device.device)
        with torch.no_grad():
            for tensor in self._model.state_dict().values():
                tensor.fill_(0.01) if tensor.is_floating_point() else tensor.zero_()
        self._optimizer = build_optimizer(experiment, self._model)

    def batch(self, size: int) -> float:
        """Seconds for `size` images forward and backward."""
        images = self._noise(size)
        labels = torch.arange(size, device=self._device.device) % self._classes
        self._model.train()

        def both_ways() -> None:
            self._optimizer.zero_grad(set_to_none=True)
            with self._device.autocast():
                loss = cross_entropy(self._model(images), labels)
            torch.autograd.backward(loss)

        return self._quickest(both_ways)

    def update(self) -> float:
        """Seconds for the optimiser's update, after a batch."""
        return self._quickest(self._optimizer.step)

    def forward(self, size: int) -> float:
        """Seconds for each of `size` images forward only."""
        images = self._noise(size)
        self._model.eval()

        def one_way() -> None:
            with torch.inference_mode(), self._device.autocast():
                self._model(images)

        return self._quickest(one_way) / size

    def _noise(self, size: int) -> Tensor:
        images = torch.rand(size, 3, self._side, self._side).to(memory_format=torch.channels_last)
        return images.to(self._device.device)

    def _quickest(self, deed: Callable[[], object]) -> float:
        taken: list[float] = []
        while not taken or (len(taken) < UPDATES and sum(taken) < ENOUGH):
            self._wait()
            start = time.perf_counter()
            deed()
            self._wait()
            taken.append(time.perf_counter() - start)
        return min(taken)

    def _wait(self) -> None:
        if self._device.waits:
            torch.accelerator.synchronize()
