"""Does what makes training fast change what is learned? Each fast path beside the plain one, over seeds, on trashnet.

    nice python tests/benchmarks/fast_paths.py [--seeds 3] [--epochs 20]

small CNN, 64 px, batch 32, Adam at 0.001, StepLR(5, 0.5). The arms:
  lrlab           as a run trains: decoded once, cut and mirrored as whole batches, channels last, one pass of the
                  optimiser over its values
  many passes     the same with torch's own default optimiser
  channels first  the same with images and weights in torch's own default memory order
  plain           every image decoded and changed anew by torchvision's transforms, torch's own defaults throughout
The held-out images are the same everywhere. A seed decides first weights, order and augmentation; lrlab and plain draw
order and augmentation each in their own way, so a pair of them differs as two seeds do.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, stdev

from alternating import machine
from engine import Real, plain
from measured_lab import SHARED

import torch  # isort: skip
from torch.optim.lr_scheduler import StepLR  # isort: skip

from lrlab.datasets import add_dataset  # isort: skip
from lrlab.experiments import Experiment  # isort: skip
from lrlab.home import Home  # isort: skip
from lrlab.training.batches import Batch, EvalBatches, Pictures, TrainBatches  # isort: skip
from lrlab.training.devices import Device, choose_device  # isort: skip
from lrlab.training.loop import Loop, Observer  # isort: skip
from lrlab.training.optimizers import build_optimizer  # isort: skip
from lrlab.training.schedulers import Driver  # isort: skip

STEP_SIZE, GAMMA = 5, 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    device = choose_device(given.device, "small_cnn")
    print(f"{machine(device.text)}, {given.epochs} epochs, seeds 0 to {given.seeds - 1}\n")
    arms: dict[str, Callable[[Real], list[float]]] = {
        "lrlab": lambda real: ours(real, device),
        "many passes": lambda real: ours(real, device, fused=False),
        "channels first": lambda real: ours(real, device, memory_format=torch.contiguous_format),
    }
    found: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home, photos = Home(Path(folder)), Path(folder) / "trashnet"
        with zipfile.ZipFile(SHARED / "trashnet.zip") as archive:
            archive.extractall(folder)
        dataset = add_dataset(home, photos, "trashnet").id
        arms["plain"] = lambda real: tutorials(real, photos, device)
        for seed in range(given.seeds):
            for name, train in arms.items():
                found.setdefault(name, []).append(train(prepared(home, dataset, seed, given.epochs)))
    show(found)


def show(found: dict[str, list[list[float]]]) -> None:
    """Prints a row for each arm: of each seed the best, the last, and the mean of the last four epochs."""
    print("| path | best val accuracy, % | last | mean of the last four | minus lrlab, seed by seed |")
    print("| --- | --- | --- | --- | --- |")
    settled = {name: [mean(course[-4:]) for course in courses] for name, courses in found.items()}
    for name, courses in found.items():
        columns = [map(max, courses), [course[-1] for course in courses], settled[name]]
        differences = [mine - its for mine, its in zip(settled[name], settled["lrlab"], strict=True)]
        print(f"| {name} | {' | '.join(spread(column) for column in columns)} | {spread(differences)} |")


def spread(values: Iterator[float] | list[float]) -> str:
    """Mean and sample standard deviation, in per cent."""
    shares = [100 * value for value in values]
    return f"{mean(shares):.1f} ± {stdev(shares) if len(shares) > 1 else 0:.1f}"


def prepared(home: Home, dataset: str, seed: int, epochs: int) -> Real:
    schedule = {"scheduler": {"name": "StepLR", "step_size": STEP_SIZE, "gamma": GAMMA}}
    asked = {"dataset": dataset, "seed": seed, "epochs": epochs, "schedule": schedule}
    return Real(home, Experiment.model_validate(asked))


class Course(Observer):
    """The validation accuracy of each epoch."""

    def __init__(self) -> None:
        self.accuracies: list[float] = []

    def after_epoch(self, loop: Loop) -> None:
        assert loop.score is not None
        self.accuracies.append(loop.score.accuracy)


class FirstBatches(TrainBatches):
    """Batches in torch's default memory order."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        for images, labels in super().epoch(number, start):
            yield images.contiguous(), labels


def ours(
    real: Real, device: Device, *, fused: bool = True, memory_format: torch.memory_format = torch.channels_last
) -> list[float]:
    """lrlab's loop; the validation accuracies."""
    experiment = real.experiment
    model = real.model(device).to(memory_format=memory_format)
    optimizer = build_optimizer(experiment, model)
    for group in optimizer.param_groups:
        assert group["fused"]
        group["fused"] = fused
    pictures = Pictures(real.images, real.labels, experiment.image_size, device.device)
    kind = TrainBatches if memory_format is torch.channels_last else FirstBatches
    train = kind(pictures, real.train, experiment.batch_size, experiment.seed, experiment.augment)
    schedule = Driver(experiment.schedule, optimizer, experiment.epochs, len(train))
    course = Course()
    Loop(model, optimizer, schedule, train, EvalBatches(pictures, real.val, 256), device, (course,)).fit(
        experiment.epochs
    )
    return course.accuracies


def tutorials(real: Real, photos: Path, device: Device) -> list[float]:
    """The tutorials' loop; the validation accuracies."""
    loop = plain(real, photos, device, workers=1)
    schedule = StepLR(loop.optimizer, STEP_SIZE, GAMMA)
    course = []
    for _ in range(real.experiment.epochs):
        loop.epoch()
        schedule.step()
        course.append(loop.accuracy(real.val.tolist()))
    return course


if __name__ == "__main__":
    main()
