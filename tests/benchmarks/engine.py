"""How near training comes to what the device can do, and what it gains on the loop that a user would write.

    nice python tests/benchmarks/engine.py [--cases small_cnn:64 resnet18:128] [--device auto] [--rounds 12]
                                           [--augment '{"rotation": 15}']

The arms take turns in one process, block by block, after a first block of each that does not count:
  synthetic  lrlab's loop on one resident batch, again and again, nothing watching: what the device can do
  silent     lrlab's loop on real images with their augmentation, nothing watching
  lrlab      the same with what watches a run: a logged row per update, heartbeat, lease, stop, a hand on the LR;
             "watching" is the share of its time that they take, added up. Checkpoints are left out: they go by the
             clock, which runs on while the other arms have their turn
  plain      a loop as in the tutorials: torchvision's ImageFolder, its transforms to the same crops and flips, a
             DataLoader; the same model, optimiser and batches; the loss read after every update. Without worker
             processes and with one for each core: the faster of the two stands in the table
R is lrlab over synthetic. The images are trashnet's, enlarged to photographs of 500 x 375.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from statistics import median

from alternating import Arm, machine, rate, ratio, take_turns
from measured_lab import photographs

import lrlab.training  # noqa: F401 (before torch, since it sets how long torch's threads spin)

import torch  # isort: skip
from plain_loop import PlainLoop  # isort: skip
from torchvision.datasets import ImageFolder  # isort: skip

from lrlab.datasets import add_dataset, cache_side, decoded, load_dataset, split  # isort: skip
from lrlab.experiments import Experiment  # isort: skip
from lrlab.home import Home  # isort: skip
from lrlab.process import identity  # isort: skip
from lrlab.runs import Attempt, Beat, DatasetFacts, create_run, open_log, stop_requested, update  # isort: skip
from lrlab.training.batches import Batch, EvalBatches, Pictures, TrainBatches  # isort: skip
from lrlab.training.devices import Device, choose_device  # isort: skip
from lrlab.training.lease import Lease  # isort: skip
from lrlab.training.loop import Loop, Observer  # isort: skip
from lrlab.training.models import build_model  # isort: skip
from lrlab.training.observers import Hand, Heartbeat, Recorder, StopWatch  # isort: skip
from lrlab.training.optimizers import build_optimizer  # isort: skip
from lrlab.training.schedulers import Driver  # isort: skip

CASES = {
    "small_cnn:48": (32, 31),
    "small_cnn:64": (32, 30),
    "small_cnn:128": (32, 15),
    "resnet18:128": (32, 6),
    "small_cnn:224": (128, 200),
    "resnet18:224": (128, 100),
    "resnet50:224": (128, 50),
    "vgg16:224": (64, 50),
}
"""Images of a batch, and updates of a block; the last four are for a GPU."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES)[1:4])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--augment", type=json.loads, default={}, help="an experiment's augment, as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, photos = Home(Path(folder)), Path(folder) / "photographs"
        photographs(photos)
        dataset = add_dataset(home, photos, "photographs").id
        device = choose_device(given.device, "small_cnn")
        print(f"{machine(device.text)}, batches as in CASES, augment {given.augment or 'crop and flip'}\n")
        columns = ["R", "silent over lrlab", "lrlab over plain", "watching", *["waits"] * device.waits]
        print(f"| case | images/s: synthetic | silent | lrlab | plain | {' | '.join(columns)} |")
        print("| --- " * (5 + len(columns)) + "|")
        for case in given.cases:
            show(home, photos, dataset, case, given)
    print(f"\nPeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:,} MB", end="")
    print(f", of the GPU's {torch.cuda.max_memory_allocated() >> 20:,} MB" if device.device.type == "cuda" else "")


def show(home: Home, photos: Path, dataset: str, case: str, given: argparse.Namespace) -> None:
    """Prints the row of one case."""
    name, size = case.split(":")
    batch, updates = CASES[case]
    experiment = Experiment.model_validate(
        {
            "dataset": dataset,
            "model": {"name": name},
            "image_size": int(size),
            "batch_size": batch,
            "epochs": 1000,
            "augment": given.augment,
        }
    )
    device = choose_device(given.device, name)
    real = Real(home, experiment, updates)
    logged = Ours(real, device, home)
    arms = [
        Arm("synthetic", Ours(real, device, synthetic=True).block),
        Arm("silent", Ours(real, device).block),
        Arm("lrlab", logged.block),
        Arm("no workers", plain(real, photos, device, 0).epoch),
        Arm("a worker for each core", plain(real, photos, device, os.cpu_count() or 1).epoch),
    ]
    take_turns(arms, given.rounds)
    synthetic, silent, lrlab, *others = arms
    best = max(others, key=lambda arm: median(arm.rates))
    figures = [*map(rate, arms[:3]), f"{rate(best)} ({best.name})"]
    figures += [ratio(lrlab, synthetic), ratio(silent, lrlab), ratio(lrlab, best)]
    figures.append(f"{logged.watching.seconds / logged.seconds:.2%}")
    if device.waits:
        with waits() as counted:
            logged.block()
        figures.append(f"{len(counted)} in {updates} updates")
    print(f"| {case} | {' | '.join(figures)} |", flush=True)


@contextmanager
def waits() -> Iterator[list[object]]:
    """The warnings of torch for each time that the CPU waits for the GPU."""
    with warnings.catch_warnings(record=True) as counted:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", message=".*prototype")  # which is said of the mode itself
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield counted
        finally:
            torch.cuda.set_sync_debug_mode("default")


class Real:
    """The images of an experiment, and which of them a block takes: of `updates` updates, or all of them."""

    def __init__(self, home: Home, experiment: Experiment, updates: int | None = None) -> None:
        self.experiment = experiment
        self.dataset = load_dataset(home, experiment.dataset)
        self.images = decoded(home, self.dataset, experiment.image_size)
        self.labels = self.dataset.images["label"].to_numpy(dtype="int64")
        rows = split(self.dataset, experiment.validation)
        self.train, self.val = rows.train, rows.val
        self.updates = updates or len(rows.train) // experiment.batch_size
        if updates is None:
            return
        wanted = updates * experiment.batch_size
        order = torch.randperm(len(rows.train), generator=torch.Generator().manual_seed(0)).numpy()
        self.train = rows.train[order.repeat(-(-wanted // len(order)))[:wanted]]
        self.val = rows.val[:8]

    def model(self, device: Device) -> torch.nn.Module:
        torch.manual_seed(self.experiment.seed)
        model = build_model(self.experiment.model, len(self.dataset.classes), self.experiment.image_size)
        return model.to(device.device)


class Same(TrainBatches):
    """The first batch again and again; it lies ready on the device."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        if "first" not in self.__dict__:
            self.__dict__["first"] = next(super().epoch(0))
        return repeat(self.__dict__["first"], len(self) - start)


class Clock(Observer):
    """The seconds of an epoch's updates, until the device has made them."""

    seconds = 0.0

    def after_training(self, loop: Loop) -> None:
        float(loop.loss)
        self.seconds = time.perf_counter() - loop.began


class Timed(Observer):
    """Tells the observers of each update, and adds up the seconds that they take."""

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self.observers, self.seconds = observers, 0.0

    def after_update(self, loop: Loop) -> None:
        began = time.perf_counter()
        for observer in self.observers:
            observer.after_update(loop)
        self.seconds += time.perf_counter() - began

    def after_training(self, loop: Loop) -> None:
        for observer in self.observers:
            observer.after_training(loop)

    def after_epoch(self, loop: Loop) -> None:
        for observer in self.observers:
            observer.after_epoch(loop)


class Ours:
    """lrlab's loop; with `home` in a run of its own and watched as a run is."""

    def __init__(self, real: Real, device: Device, home: Home | None = None, *, synthetic: bool = False) -> None:
        experiment = real.experiment
        model = real.model(device)
        optimizer = build_optimizer(experiment, model)
        pictures = Pictures(real.images, real.labels, experiment.image_size, device.device)
        kind = Same if synthetic else TrainBatches
        train = kind(pictures, real.train, experiment.batch_size, experiment.seed, experiment.augment)
        schedule = Driver(experiment.schedule, optimizer, experiment.epochs, real.updates)
        self.images, self.epochs, self.clock = real.updates * experiment.batch_size, 0, Clock()
        self.watching, self.seconds = Timed(watching(home, real) if home else ()), 0.0
        observers = (self.watching, self.clock)
        self.loop = Loop(model, optimizer, schedule, train, EvalBatches(pictures, real.val, 8), device, observers)

    def block(self) -> tuple[int, float]:
        self.epochs += 1
        self.loop.fit(self.epochs)
        self.seconds += self.clock.seconds
        return self.images, self.clock.seconds


def watching(home: Home, real: Real) -> tuple[Observer, ...]:
    """The observers of a new run, but for checkpoints and those that act on validations alone."""
    dataset, experiment = real.dataset, real.experiment
    facts = DatasetFacts(
        id=dataset.id, name=dataset.name, classes=dataset.classes, train=len(real.train), val=len(real.val)
    )
    run = create_run(home, experiment, dataset=facts, steps_per_epoch=real.updates)
    update(run, attempts=(Attempt(number=1, started=time.time(), identity=identity(), host=""),))
    log, beat = open_log(run, 1, extra_step_columns=("accuracy",)), Beat(run)
    return (
        Lease(run, 1),
        Recorder(log, experiment.images_per_update),
        Heartbeat(beat, experiment.images_per_update, run.record.steps),
        Hand(run),
        StopWatch(lambda: stop_requested(run)),
    )


def plain(real: Real, folder: Path, device: Device, workers: int) -> PlainLoop:
    """The tutorials' loop on the same images, which it finds in `folder`."""
    found = [Path(path) for path, _ in ImageFolder(str(folder)).samples]
    names = real.dataset.images["name"].map(Path)
    if [path.relative_to(folder) for path in found] != names.tolist():
        raise RuntimeError("the two loops count the images in another order")
    size = real.experiment.image_size
    return PlainLoop(
        real.model(device),
        folder,
        real.train.tolist(),
        size=size,
        side=cache_side(size),
        batch_size=real.experiment.batch_size,
        device=device.device,
        workers=workers,
    )


if __name__ == "__main__":
    main()
