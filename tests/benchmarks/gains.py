"""Where the time of an update goes, before and after: each change on top of the ones before it, in turns.

    nice python tests/benchmarks/gains.py [--cases small_cnn:64 small_cnn:128 resnet18:128 vgg16:64] [--rounds 6]

  before            freed memory goes back to the system at once, the optimiser passes over its values once for each
                    term of its formula, mirror images are chosen pixel by pixel
  memory kept       freed memory stays in the process
  one pass          and the optimiser makes one pass
  mirrors in place  and mirror images are made where they lie: lrlab as it is
Milliseconds of an update on a CPU and where they go: the batch, the model forward and backward, the optimiser; page
faults, and the share of the time in the system's kernel.
"""

from __future__ import annotations

import argparse
import ctypes
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from alternating import machine
from engine import Real, photographs

import torch  # isort: skip

from lrlab.datasets import add_dataset  # isort: skip
from lrlab.experiments import Experiment  # isort: skip
from lrlab.home import Home  # isort: skip
from lrlab.training import batches  # isort: skip
from lrlab.c_library import give_back  # isort: skip
from lrlab.training.allocator import keep_memory  # isort: skip
from lrlab.training.batches import Pictures, TrainBatches  # isort: skip
from lrlab.training.devices import choose_device  # isort: skip
from lrlab.training.optimizers import build_optimizer  # isort: skip

UPDATES = {"small_cnn:64": 20, "small_cnn:128": 10, "resnet18:128": 4, "vgg16:64": 3}
PARTS = ("batch", "forward and backward", "optimiser")

in_place = batches._mirrored


def pixel_by_pixel(pixels: torch.Tensor, which: torch.Tensor, dim: int) -> torch.Tensor:
    return torch.where(which[:, None, None, None], pixels.flip(dim), pixels)


def return_memory() -> None:
    """glibc's own settings again."""
    library = ctypes.CDLL(None)
    for name, value in ((-4, 65536), (-1, 128 * 1024), (-2, 128 * 1024)):
        library.mallopt(name, value)
    give_back()


@dataclass
class Stage:
    """One state of things; figures of each block: milliseconds of the parts, faults, kernel seconds, all seconds."""

    name: str
    memory: Callable[[], object]
    fused: bool
    mirrored: Callable[..., torch.Tensor]
    blocks: list[tuple[list[float], float, float]] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=UPDATES, default=list(UPDATES))
    parser.add_argument("--rounds", type=int, default=6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, photos = Home(Path(folder)), Path(folder) / "photographs"
        photographs(photos)
        dataset = add_dataset(home, photos, "photographs").id
        print(f"{machine(choose_device('cpu', 'small_cnn').text)}, batches of 32\n")
        print(f"| case | stage | ms of an update | {' | '.join(PARTS)} | page faults | in the kernel |")
        print("| --- " * 8 + "|")
        for case in given.cases:
            stages = [
                Stage("before", return_memory, False, pixel_by_pixel),
                Stage("memory kept", keep_memory, False, pixel_by_pixel),
                Stage("one pass", keep_memory, True, pixel_by_pixel),
                Stage("mirrors in place", keep_memory, True, in_place),
            ]
            measure(home, dataset, case, stages, given.rounds)
            show(case, stages)


def measure(home: Home, dataset: str, case: str, stages: list[Stage], rounds: int) -> None:
    name, size = case.split(":")
    asked = {"dataset": dataset, "model": {"name": name}, "image_size": int(size), "batch_size": 32}
    real = Real(home, Experiment.model_validate(asked), UPDATES[case])
    device = choose_device("cpu", name)
    model = real.model(device)
    optimizer = build_optimizer(real.experiment, model)
    pictures = Pictures(real.images, real.labels, int(size), device.device)
    train = TrainBatches(pictures, real.train, 32, 0)
    for number in range(rounds + 1):
        for stage in stages:
            stage.memory()
            batches._mirrored = stage.mirrored
            for group in optimizer.param_groups:
                group["fused"] = stage.fused
            found = block(model.train(), optimizer, train, number)
            if number:
                stage.blocks.append(found)


def block(model: torch.nn.Module, optimizer: torch.optim.Optimizer, train: TrainBatches, number: int):
    """An epoch: the median milliseconds of each part, page faults an update, and the kernel's share of the CPU's time;
    the first update, in which the memory finds its place, is not counted."""
    times: list[list[float]] = []
    before = None
    moment = time.perf_counter()
    for images, labels in train.epoch(number):
        marks = [moment, time.perf_counter()]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        marks.append(time.perf_counter())
        optimizer.step()
        moment = time.perf_counter()
        marks.append(moment)
        if before is None:
            before = resource.getrusage(resource.RUSAGE_SELF)
        else:
            times.append([1e3 * (later - earlier) for earlier, later in pairwise(marks)])
    after = resource.getrusage(resource.RUSAGE_SELF)
    kernel, user = after.ru_stime - before.ru_stime, after.ru_utime - before.ru_utime
    parts = [median(part) for part in zip(*times, strict=True)]
    return parts, (after.ru_minflt - before.ru_minflt) / len(times), kernel / (kernel + user)


def show(case: str, stages: list[Stage]) -> None:
    for stage in stages:
        parts, faults, kernel = zip(*stage.blocks, strict=True)
        middle = [median(part) for part in zip(*parts, strict=True)]
        figures = [f"{sum(middle):.1f}", *(f"{part:.1f}" for part in middle), f"{median(faults):,.0f}"]
        print(f"| {case} | {stage.name} | {' | '.join(figures)} | {median(kernel):.1%} |", flush=True)


if __name__ == "__main__":
    main()
