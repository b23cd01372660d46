"""Recipes of Keras and of the tutorials that use it: ExponentialDecay, CosineDecay and their like, step decay."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from lrlab.schedules.parameter import Parameter, factor, length, switch
from lrlab.schedules.recipe import Recipe, Run, Settings, above_floor, formula, per_step, tidy, written
from lrlab.schedules.spec import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    MultiStepLR,
    ScheduleSpec,
    StepLR,
)
from lrlab.schedules.values import (
    Count,
    Factor,
    Milestones,
    Share,
)

LISTED = 30
"""So many drops are listed as milestones; more of them are written as a formula."""

_KERAS = "https://keras.io/api/optimizers/learning_rate_schedules/"


class ExponentialDecay(Settings):
    decay_steps: Count
    decay_rate: Factor
    staircase: bool

    def schedule(self, run: Run) -> ScheduleSpec:
        if self.staircase:
            return per_step(StepLR(step_size=self.decay_steps, gamma=self.decay_rate))
        return per_step(ExponentialLR(gamma=self.decay_rate ** (1 / self.decay_steps)))


class CosineDecay(Settings):
    decay_steps: Count
    alpha: Share

    def schedule(self, run: Run) -> ScheduleSpec:
        if self.decay_steps >= run.updates:
            return per_step(CosineAnnealingLR(T_max=self.decay_steps, eta_min=tidy(self.alpha * run.lr)))
        # Keras stays at the end value; torch's cosine would climb again.
        steps = self.decay_steps
        return per_step(formula(above_floor(self.alpha, f"(1 + cos(pi * min(step, {steps}) / {steps})) / 2")))


class CosineDecayRestarts(Settings):
    first_decay_steps: Count
    t_mul: Annotated[Count, Field(le=1000)]
    m_mul: Share
    alpha: Share

    def schedule(self, run: Run) -> ScheduleSpec:
        first, times = self.first_decay_steps, self.t_mul
        if self.m_mul == 1 or first >= run.updates:
            return per_step(CosineAnnealingWarmRestarts(T_0=first, T_mult=times, eta_min=tidy(self.alpha * run.lr)))
        if times == 1:
            cycle, place = f"(step // {first})", f"(step % {first}) / {first}"
        else:
            # Cycle c ends at unit * (times ** (c + 1) - 1). Half a step more keeps the logarithm off whole numbers,
            # where its rounding would decide in which cycle a step lies.
            unit = first / (times - 1)
            grown = f"(step + {written(unit + 0.5)}) / {written(unit)}"
            cycle = f"floor(log2({grown}))" if times == 2 else f"floor(log({grown}) / log({times}))"
            place = f"((step + {written(unit)}) / {times} ** {cycle} - {written(unit)}) / {first}"
        shape = f"{written(self.m_mul)} ** {cycle} * (1 + cos(pi * {place})) / 2"
        return per_step(formula(above_floor(self.alpha, shape)))


class PiecewiseConstantDecay(Settings):
    boundaries: Milestones = Field(min_length=1, max_length=1000)
    factor: Factor

    @field_validator("boundaries")
    @classmethod
    def _in_order(cls, boundaries: Milestones) -> Milestones:
        if list(boundaries) != sorted(boundaries):
            raise ValueError(
                f"got {list(boundaries)}, allowed: boundaries in increasing order, such as {sorted(boundaries)}"
            )
        return boundaries

    def schedule(self, run: Run) -> ScheduleSpec:
        return per_step(MultiStepLR(milestones=tuple(step + 1 for step in self.boundaries), gamma=self.factor))


class InverseTimeDecay(Settings):
    decay_steps: Count
    decay_rate: Factor
    staircase: bool

    def schedule(self, run: Run) -> ScheduleSpec:
        passed = f"step // {self.decay_steps}" if self.staircase else f"step / {self.decay_steps}"
        return per_step(formula(f"1 / (1 + {written(self.decay_rate)} * ({passed}))"))


class StepDecay(Settings):
    epochs_drop: Count
    drop: Factor

    def schedule(self, run: Run) -> ScheduleSpec:
        every = self.epochs_drop
        if run.epochs <= LISTED * every:
            drops = tuple(range(every - 1, max(run.epochs, every), every))
            return ScheduleSpec(interval="epoch", scheduler=MultiStepLR(milestones=drops, gamma=self.drop))
        text = f"{written(self.drop)} ** ((1 + epoch) // {every})"
        return ScheduleSpec(interval="epoch", scheduler=formula(text))


_RATE = "The LR is multiplied by this over every decay_steps steps; 1 changes nothing, above 1 raises the LR."
_STAIRCASE = "On: the LR falls in steps, once every decay_steps. Off: a little at every update."
_ALPHA = "The end value as a fraction of the base LR, not an LR as torch's eta_min is."

KERAS = (
    Recipe(
        "keras-exponential-decay",
        "Keras ExponentialDecay",
        "The LR is multiplied by decay_rate over every decay_steps steps, smoothly or in stairs.",
        r"\eta_k = \eta_0 \cdot r^{\,k / s} \quad\text{or}\quad \eta_0 \cdot r^{\lfloor k / s \rfloor}",
        "When a tutorial gives it. It counts steps, not epochs: with 30 steps per epoch, decay_steps=30 is one epoch. "
        "In stairs it is StepLR called after every step, else ExponentialLR.",
        "Keras",
        (("Keras documentation: ExponentialDecay", f"{_KERAS}exponential_decay/"),),
        (
            length("decay_steps", "Steps over which the LR is multiplied by decay_rate once.", share=0.05),
            factor("decay_rate", 0.92, _RATE),
            switch("staircase", True, _STAIRCASE),
        ),
        ExponentialDecay,
    ),
    Recipe(
        "keras-cosine-decay",
        "Keras CosineDecay",
        "Half a cosine down to a fraction of the LR in decay_steps steps, where it stays.",
        r"\eta_k = \eta_0 \left(\alpha + (1 - \alpha)\,"
        r"\tfrac{1}{2}\left(1 + \cos\frac{\pi \min(k, s)}{s}\right)\right)",
        "As CosineAnnealingLR called after every step, except that it keeps its end value where torch's climbs again. "
        "Shorter than the run, it leaves a stretch at the low LR.",
        "Keras",
        (("Keras documentation: CosineDecay", f"{_KERAS}cosine_decay/"),),
        (
            length("decay_steps", "Steps until the end value.", share=1),
            factor("alpha", 0.0, _ALPHA),
        ),
        CosineDecay,
    ),
    Recipe(
        "keras-cosine-restarts",
        "Cosine restarts with shrinking peaks",
        "Half a cosine again and again; each cycle starts lower than the one before and may last longer.",
        r"\eta_k = \eta_0 \left(\alpha + (1 - \alpha)\, m^{c}\,"
        r"\tfrac{1}{2}\left(1 + \cos(\pi x)\right)\right),\quad c:\ \text{cycle},\ x:\ \text{share of it that is done}",
        "When restarts help but the jump back to the full LR throws away too much. With m_mul 1 it is "
        "CosineAnnealingWarmRestarts; torch has no class for peaks that shrink.",
        "Keras",
        (
            ("Keras documentation: CosineDecayRestarts", f"{_KERAS}cosine_decay_restarts/"),
            ("Loshchilov and Hutter 2016, SGDR", "https://arxiv.org/abs/1608.03983"),
        ),
        (
            length("first_decay_steps", "Steps of the first cycle.", share=1 / 7),
            Parameter(
                "t_mul", "t_mul", "int", 2, "Each cycle is so many times as long as the one before.",
                min=1, max=4, step=1, unit="times",
            ),
            factor("m_mul", 0.7, "Each cycle begins at this times the height of the one before."),
            factor("alpha", 0.0, "Where every cycle ends, as a fraction of the base LR."),
        ),
        CosineDecayRestarts,
    ),
    Recipe(
        "keras-piecewise-constant",
        "Keras PiecewiseConstantDecay",
        "The LR drops by a factor one step after each boundary.",
        r"\eta_k = \eta_0 \cdot f^{\,\#\{b \in \mathrm{boundaries} \,:\, b < k\}}",
        "To carry a Keras schedule over step by step: its boundary still has the old value, where MultiStepLR already "
        "has the new one. For drops by different factors draw the points of LambdaLR by hand.",
        "Keras",
        (("Keras documentation: PiecewiseConstantDecay", f"{_KERAS}piecewise_constant_decay/"),),
        (
            Parameter(
                "boundaries", "boundaries", "list of int", (300, 450),
                "The last steps with the old value, in increasing order; one given twice drops twice.",
                min=0, max=600, step=1, unit="calls", share=(0.5, 0.75),
            ),
            factor("factor", 0.1, "Each value is the one before times this."),
        ),
        PiecewiseConstantDecay,
    ),
    Recipe(
        "keras-inverse-time-decay",
        "Keras InverseTimeDecay",
        "The LR is divided by a number that grows steadily with the steps.",
        r"\eta_k = \frac{\eta_0}{1 + r\, k / s} \quad\text{or}\quad \frac{\eta_0}{1 + r \lfloor k / s \rfloor}",
        "The time-based decay of older tutorials (the decay argument of Keras optimisers). It falls fast at first and "
        "ever more slowly after.",
        "Keras",
        (("Keras documentation: InverseTimeDecay", f"{_KERAS}inverse_time_decay/"),),
        (
            length("decay_steps", "Steps over which the divisor grows by decay_rate.", share=0.05),
            Parameter(
                "decay_rate", "decay_rate", "float", 0.5, "What is added to the divisor over every decay_steps steps.",
                min=0, max=5, step=0.01,
            ),
            switch("staircase", False, "On: the divisor grows once every decay_steps. Off: at every update."),
        ),
        InverseTimeDecay,
    ),
    Recipe(
        "step-decay",
        "Step decay of the tutorials",
        "The LR is multiplied by drop every epochs_drop epochs, the first time one epoch early.",
        r"\eta_k = \eta_0 \cdot \mathrm{drop}^{\lfloor (1 + k) / \mathrm{epochs\_drop} \rfloor}",
        "When a tutorial defines step_decay(epoch) for a LearningRateScheduler. The 1 that it adds to the epoch makes "
        "every drop come one epoch before StepLR's.",
        "Tutorials",
        (
            (
                "Brownlee, Using Learning Rate Schedules for Deep Learning Models in Python with Keras",
                "https://machinelearningmastery.com/using-learning-rate-schedules-deep-learning-models-python-keras/",
            ),
        ),
        (
            length("epochs_drop", "Epochs between two drops; the first comes one epoch earlier.", share=0.25),
            factor("drop", 0.5, "The LR is multiplied by this at every drop."),
        ),
        StepDecay,
        "epoch",
    ),
)  # fmt: skip
