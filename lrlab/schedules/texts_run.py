"""Texts and ranges of what surrounds a scheduler: the run, where it counts, the warm-up, the groups, the metric."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lrlab.schedules.metric import Synthetic
from lrlab.schedules.parameter import Parameter

_METRIC = Synthetic()

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "decay": "From high to low",
        "cycle": "Up and down",
        "custom": "Your own curve",
        "measured": "After what is measured",
        "combine": "Several together",
    }
)
"""The families of schedulers, in the order in which they are offered."""

LR = Parameter(
    "lr", "Base LR", "float", 0.001,
    "The LR given to the optimiser; the schedule multiplies or replaces it.",
    min=1e-6, max=10, log=True, unit="LR",
)  # fmt: skip

EPOCHS = Parameter(
    "epochs", "Epochs", "int", 20, "How many times the run goes through the training images.",
    min=1, max=200, step=1, unit="epochs",
)  # fmt: skip

STEPS_PER_EPOCH = Parameter(
    "steps_per_epoch", "Steps per epoch", "int", 30,
    "Optimiser updates in one epoch: training images divided by batch size, rounded down.",
    min=1, max=1000, step=1, unit="steps",
)  # fmt: skip

RUN: tuple[Parameter, ...] = (LR, EPOCHS, STEPS_PER_EPOCH)
"""What surrounds a schedule: the optimiser's LR and the length of the run."""

INTERVAL = Parameter(
    "interval", "Scheduler counts", "choice", "epoch",
    "Where the training loop calls scheduler.step(): every length of the scheduler counts these calls. A length meant "
    "for steps and counted in epochs shows only the first sliver of its curve.",
    choices=(("epoch", "once at the end of every epoch"), ("step", "after every optimiser update")),
)  # fmt: skip

WARMUP: tuple[Parameter, ...] = (
    Parameter(
        "length", "Warm-up", "int", 3,
        "How long the LR rises, update by update, before the scheduler starts at its own beginning.",
        min=1, max=20, step=1, share=0.15,
    ),
    Parameter(
        "unit", "Warm-up counts", "choice", "epoch", "Whether the warm-up's length is in epochs or in steps.",
        choices=(("epoch", "epochs"), ("step", "steps")),
    ),
    Parameter(
        "start_factor", "Warm-up starts at", "float", 0.1,
        "The first update uses this factor times the LR; 0 makes the first update change nothing.",
        min=0, max=1, step=0.01, unit="factor",
    ),
)  # fmt: skip

GROUP: tuple[Parameter, ...] = (
    Parameter("name", "Name", "text", "backbone", "What the group is called in the chart; each name once."),
    Parameter(
        "multiplier", "LR multiplier", "float", 0.1,
        "The group's LR is the base LR times this, at every update. Layers that were trained before often get a tenth.",
        min=1e-3, max=100, log=True, unit="factor", optional="the group has an LR of its own",
    ),
    Parameter(
        "lr", "Own LR", "float", 0.0001,
        "The group's LR, whatever the base LR is; max_lr, base_lr and min_lr of a scheduler are scaled to it.",
        min=1e-6, max=10, log=True, unit="LR", optional="the base LR times the multiplier",
    ),
)  # fmt: skip
"""One parameter group of the optimiser; it has either the multiplier or an LR of its own."""

SYNTHETIC: tuple[Parameter, ...] = (
    Parameter(
        "start", "Loss at first", "float", _METRIC.start,
        "The validation loss at the end of the first epoch, without noise.",
        min=0, max=5, step=0.1,
    ),
    Parameter(
        "floor", "Loss in the end", "float", _METRIC.floor,
        "What the loss falls towards. Above the first value it rises instead, as an accuracy does.",
        min=0, max=5, step=0.1,
    ),
    Parameter(
        "speed", "Speed", "float", _METRIC.speed,
        "How fast it falls, per epoch: 0.1 leaves 37 % of the way after ten epochs.",
        min=0, max=2, step=0.01,
    ),
    Parameter(
        "noise", "Noise", "float", _METRIC.noise,
        "How much it scatters, as a share of its value (one standard deviation). Noise hides small gains from the "
        "scheduler and sets its count back by chance.",
        min=0, max=0.5, step=0.01,
    ),
    Parameter(
        "seed", "Seed", "int", _METRIC.seed, "Which noise is drawn; the same number draws the same noise.",
        min=0, max=100, step=1,
    ),
)  # fmt: skip
"""The invented validation metric that ReduceLROnPlateau is previewed against."""
