"""Experiments that anyone can start: those of the source tutorials, at full size and at a size for a CPU.

A preset is everything but the data set. Its schedule, LR and epochs are those of the schedule preset of the same
tutorial, so that what the Gallery shows is what trains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lrlab.experiments.experiment import Experiment
from lrlab.schedules import PRESETS


@dataclass(frozen=True)
class ExperimentPreset:
    """One experiment without its data set.

    `name`: lower case with hyphens. `line`: what it trains, and on what machine. `source`: the tutorial's title and
    https address. `settings`: what differs from an Experiment's defaults, as JSON has it.
    """

    name: str
    title: str
    line: str
    source: tuple[str, str]
    settings: Mapping[str, Any]

    def experiment(self, dataset: str) -> Experiment:
        """The experiment on the data set of that name or id."""
        return Experiment.model_validate({**self.settings, "dataset": dataset})


def _of(schedule: str, name: str, title: str, line: str, **settings: Any) -> ExperimentPreset:
    """A preset on the schedule preset `schedule`, with Adam, which both tutorials use."""
    drawn = next(preset for preset in PRESETS if preset.name == schedule)
    composition = drawn.composition
    return ExperimentPreset(
        name,
        title,
        line,
        drawn.source,
        {
            "name": title,
            "epochs": composition.epochs,
            "optimizer": {"name": "Adam", "lr": composition.lr},
            "schedule": composition.schedule.model_dump(mode="json"),
            **settings,
        },
    )


_COFFEE: dict[str, Any] = {
    "batch_size": 32,
    "validation": {"fraction": 0.2, "seed": 123},
    "augment": {"crop": "none", "horizontal_flip": 0.0, "normalization": "plain"},
}
"""As the tutorial reads its pictures: no augmentation, and pixel values from 0 to 1."""

_COFFEE_LR = "Adam at 1e-4, 8 % less every 30 steps (Keras' staircase ExponentialDecay), 20 epochs, a fifth held out"

_PRESETS = (
    _of(
        "food-fixed", "food-fixed", "Food classifier, fixed LR",
        "20 epochs of Adam at 0.001, which never changes. The small CNN at 64 px takes the place of the tutorial's "
        "network: minutes on a CPU.",
    ),
    _of(
        "food-steps", "food-steps", "Food classifier, halved every 5 epochs",
        "The same with StepLR(step_size=5, gamma=0.5), to be compared with the fixed LR. Minutes on a CPU.",
    ),
    _of(
        "coffee-exponential", "coffee-vgg16-by-hand", "Coffee beans, VGG-16 by hand",
        f"{_COFFEE_LR}. VGG-16 written out layer by layer, at 224 px: full size, for a GPU.",
        image_size=224, model={"name": "vgg16_by_hand"}, **_COFFEE,
    ),
    _of(
        "coffee-exponential", "coffee-vgg16", "Coffee beans, torchvision's VGG-16",
        f"{_COFFEE_LR}. torchvision's VGG-16 with random weights, at 224 px: full size, for a GPU.",
        image_size=224, model={"name": "vgg16"}, **_COFFEE,
    ),
    _of(
        "coffee-exponential", "coffee-cpu", "Coffee beans, sized for a CPU",
        f"{_COFFEE_LR}. VGG light at 96 px in place of VGG-16 at 224 px: same schedule, less work: for a CPU.",
        image_size=96, model={"name": "vgg_light"}, **_COFFEE,
    ),
)  # fmt: skip

EXPERIMENT_PRESETS: Mapping[str, ExperimentPreset] = MappingProxyType({preset.name: preset for preset in _PRESETS})
