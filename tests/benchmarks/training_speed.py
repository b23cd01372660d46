"""What limits training on this machine's CPU: memory order, threads, and the share of a step that makes the batch.

    nice python tests/benchmarks/training_speed.py [image_size ...]

The variants take turns, and each figure is the lower quartile of its steps: what the machine can do while nothing else
disturbs it.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import lrlab.training  # noqa: F401 (before torch, since it sets how long torch's threads spin)

import numpy as np  # isort: skip
import torch  # isort: skip

from lrlab.datasets import cache_side  # isort: skip
from lrlab.experiments import Model  # isort: skip
from lrlab.training.batches import Pictures, TrainBatches  # isort: skip
from lrlab.training.models import build_model  # isort: skip
from lrlab.training.schedulers import check  # isort: skip
from lrlab.schedules import ScheduleSpec  # isort: skip

BATCH, IMAGES, ROUNDS, STEPS = 32, 1024, 8, 8


@dataclass
class Variant:
    """One way to train, and the seconds of its steps: assembling the batch, and the whole."""

    name: str
    threads: int
    memory_format: torch.memory_format
    assembling: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


def measure(image_size: int) -> None:
    """Prints one line a variant."""
    rng = np.random.default_rng(0)
    side = cache_side(image_size)
    images = rng.integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8)
    pictures = Pictures(images, rng.integers(0, 6, IMAGES), image_size, torch.device("cpu"))
    train = TrainBatches(pictures, np.arange(IMAGES), BATCH, seed=0)
    cores = torch.get_num_threads()
    last, first = torch.channels_last, torch.contiguous_format
    variants = [Variant(f"channels last, {cores} threads", cores, last), Variant("channels last, 1 thread", 1, last)]
    variants.append(Variant(f"channels first, {cores} threads", cores, first))
    for number in range(ROUNDS):
        for variant in variants:
            steps(variant, train, image_size, number)
    for variant in variants:
        whole, assembling = undisturbed(variant.whole), undisturbed(variant.assembling)
        print(
            f"{image_size} px, {variant.name}: {BATCH / whole:,.0f} images/s, {whole * 1e3:.1f} ms a step, "
            f"{assembling / whole:.1%} of it for the batch"
        )


def undisturbed(seconds: list[float]) -> float:
    """The lower quartile."""
    return quantiles(seconds, n=4)[0]


def steps(variant: Variant, train: TrainBatches, image_size: int, number: int) -> None:
    """A few steps of one variant; the first two are not counted."""
    torch.set_num_threads(variant.threads)
    torch.manual_seed(0)
    model = build_model(Model(), 6, image_size).to(memory_format=variant.memory_format)
    optimizer = torch.optim.Adam(model.parameters())
    began = time.perf_counter()
    for step, (images, labels) in enumerate(train.epoch(number)):
        images = images.contiguous(memory_format=variant.memory_format)
        assembled = time.perf_counter()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        ended = time.perf_counter()
        if step >= 2:
            variant.assembling.append(assembled - began)
            variant.whole.append(ended - began)
        if step == STEPS + 1:
            return
        began = ended


def checking() -> None:
    """Prints what the comparison with the preview costs before the first batch."""
    for interval, epochs, per_epoch in (("epoch", 20, 30), ("epoch", 1000, 1000), ("step", 100, 1000)):
        spec = ScheduleSpec.model_validate(
            {"interval": interval, "scheduler": {"name": "CosineAnnealingLR", "T_max": 9}}
        )
        began = time.perf_counter()
        check(spec, 0.1, epochs, per_epoch)
        seconds = time.perf_counter() - began
        each = seconds / (epochs * per_epoch)
        print(
            f"check, stepped per {interval}: {epochs * per_epoch:,} updates, {seconds:.3f} s, {each * 1e6:.2f} us each"
        )


if __name__ == "__main__":
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for size in [int(text) for text in sys.argv[1:]] or [48, 64]:
        measure(size)
    checking()
