"""What a preset is: a whole composition, schedule and run, as one source gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lrlab.schedules.composition import Composition
from lrlab.schedules.parameter import Source, Value
from lrlab.schedules.recipes import RECIPES

IMAGENET = 1_281_167
"""Training images of ImageNet-1k (ILSVRC 2012)."""


@dataclass(frozen=True)
class Preset:
    """A known training run to start from. `name`: lower case with hyphens. `group`: "tutorial", "images" or "text"."""

    name: str
    title: str
    line: str
    source: Source
    composition: Composition
    group: str


@dataclass(frozen=True)
class About:
    """What a preset says of itself."""

    name: str
    title: str
    line: str
    source: Source
    group: str

    def by(
        self,
        lr: float,
        epochs: int,
        steps_per_epoch: int,
        scheduler: Mapping[str, Any],
        interval: str = "epoch",
        warmup: Mapping[str, Any] | None = None,
    ) -> Preset:
        """The preset with a schedule in the JSON form of ScheduleSpec."""
        return self._with(lr, epochs, steps_per_epoch, {"interval": interval, "scheduler": scheduler, "warmup": warmup})

    def by_recipe(self, lr: float, epochs: int, steps_per_epoch: int, recipe: str, **values: Value) -> Preset:
        """The preset with the schedule that a recipe becomes."""
        return self._with(lr, epochs, steps_per_epoch, RECIPES[recipe].expand(values, epochs, steps_per_epoch, lr))

    def _with(self, lr: float, epochs: int, steps_per_epoch: int, schedule: Any) -> Preset:
        composition = Composition(lr=lr, epochs=epochs, steps_per_epoch=steps_per_epoch, schedule=schedule)
        return Preset(self.name, self.title, self.line, self.source, composition, self.group)


def paper(title: str, number: str) -> Source:
    """A paper on arXiv."""
    return title, f"https://arxiv.org/abs/{number}"
