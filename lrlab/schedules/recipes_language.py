"""Recipes of language models: linear decays after a warm-up, warm-up-stable-decay, inverse square roots, Noam."""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationInfo, field_validator

from lrlab.schedules.parameter import Parameter, choice, factor, length
from lrlab.schedules.recipe import Recipe, Run, Settings, above_floor, formula, per_step, tidy, warmed
from lrlab.schedules.spec import (
    CosineAnnealingLR,
    Fixed,
    LinearLR,
    Scheduler,
    ScheduleSpec,
    SequentialLR,
)
from lrlab.schedules.values import (
    Count,
    CountOrZero,
    Share,
)

_TRANSFORMERS = "https://huggingface.co/docs/transformers/main_classes/optimizer_schedules"
_ATTENTION = ("Vaswani et al. 2017, Attention Is All You Need", "https://arxiv.org/abs/1706.03762")


class TransformersLinear(Settings):
    warmup: CountOrZero

    def schedule(self, run: Run) -> ScheduleSpec:
        warmup, left = warmed(run, self.warmup, 0.0)
        return per_step(LinearLR(start_factor=1.0, end_factor=0.0, total_iters=left), warmup)


class BertLinear(Settings):
    warmup_proportion: Share

    def schedule(self, run: Run) -> ScheduleSpec:
        rise = int(run.updates * self.warmup_proportion)
        warmup, left = warmed(run, rise, 0.0)
        if rise >= run.updates:
            return per_step(Fixed(), warmup)
        # The decay counts from the start of the run, so that after the warm-up it is already on its way.
        return per_step(LinearLR(start_factor=left / run.updates, end_factor=0.0, total_iters=left), warmup)


class WarmupStableDecay(Settings):
    warmup: Share
    start_factor: Share
    decay: Share
    shape: Literal["linear", "cosine", "1-sqrt"]
    final_factor: Share

    @field_validator("decay")
    @classmethod
    def _within_the_run(cls, decay: float, others: ValidationInfo) -> float:
        rise = others.data.get("warmup", 0.0)
        if rise + decay > 1 + 1e-12:
            raise ValueError(f"got {decay:g} after a warm-up of {rise:g}, allowed: at most {1 - rise:g} of the run")
        return decay

    def schedule(self, run: Run) -> ScheduleSpec:
        rise = round(self.warmup * run.updates)
        warmup, _ = warmed(run, rise, self.start_factor)
        fall = min(round(self.decay * run.updates), run.updates - rise)
        stable = run.updates - rise - fall
        falls = fall > 0 and self.final_factor < 1
        return per_step(self._scheduler(run, stable, fall) if falls else Fixed(), warmup)

    def _scheduler(self, run: Run, stable: int, fall: int) -> Scheduler:
        if self.shape == "1-sqrt":
            shape = above_floor(self.final_factor, f"(1 - sqrt(min(step - {stable}, {fall}) / {fall}))")
            return formula(f"1 if step < {stable} else {shape}")
        decay: Scheduler = (
            LinearLR(start_factor=1.0, end_factor=self.final_factor, total_iters=fall)
            if self.shape == "linear"
            else CosineAnnealingLR(T_max=fall, eta_min=tidy(self.final_factor * run.lr))
        )
        return SequentialLR(schedulers=(Fixed(), decay), milestones=(stable,)) if stable else decay


class InverseSqrt(Settings):
    warmup: CountOrZero
    timescale: Count | None = None

    def schedule(self, run: Run) -> ScheduleSpec:
        warmup, _ = warmed(run, self.warmup, 0.0)
        return per_step(formula(f"1 / sqrt(1 + step / {self.timescale or self.warmup or 10_000})"), warmup)


class Noam(Settings):
    d_model: Count
    warmup: Count

    def schedule(self, run: Run) -> ScheduleSpec:
        rise = f"(step + 1) * {self.warmup} ** -1.5"
        return per_step(formula(f"{self.d_model} ** -0.5 * min((step + 1) ** -0.5, {rise})"))


_WARMUP = length("warmup", "Steps over which the LR rises from 0; 0 for none.", share=0.1, low=0, reach=0.5)


def _share(name: str, start: float, help: str, high: float) -> Parameter:
    return Parameter(name, name, "float", start, help, min=0, max=high, step=0.01, unit="of the run")


LANGUAGE = (
    Recipe(
        "transformers-linear",
        "Linear schedule of transformers",
        "A straight rise from 0 to the base LR, then a straight fall to 0 at the end of the run.",
        r"\eta_k = \eta_0 \cdot \begin{cases} k / W & k < W \\ \frac{N - k}{N - W} & \text{otherwise} \end{cases}",
        "Fine-tuning with Hugging Face's Trainer, whose default it is. With a warm-up the first update has LR 0 and "
        "changes nothing.",
        "transformers",
        (("Hugging Face transformers: get_linear_schedule_with_warmup", _TRANSFORMERS),),
        (_WARMUP,),
        TransformersLinear,
    ),
    Recipe(
        "bert-linear",
        "Linear warm-up and decay of BERT",
        "A straight rise over a share of the run, then a fall on the straight line from the base LR to 0.",
        r"\eta_k = \eta_0 \cdot \begin{cases} k / W & k < W \\ 1 - k / N & \text{otherwise} \end{cases}"
        r"\quad W = \lfloor p N \rfloor",
        "To repeat BERT's own training. Its decay counts from the start of the run: the peak stays below the base LR "
        "by the share of the warm-up, where transformers' schedule reaches it.",
        "BERT",
        (
            ("Devlin et al. 2018, BERT", "https://arxiv.org/abs/1810.04805"),
            ("BERT's own code: optimization.py", "https://github.com/google-research/bert/blob/master/optimization.py"),
        ),
        (_share("warmup_proportion", 0.1, "The share of the run in which the LR rises.", 0.5),),
        BertLinear,
    ),
    Recipe(
        "warmup-stable-decay",
        "Warm-up, stable, decay",
        "A short rise, the base LR for most of the run, and a decay at its end.",
        r"\eta_k = \eta_0 \cdot \begin{cases} s + (1 - s)\, k / W & k < W \\ 1 & k < N - D \\"
        r" f + (1 - f)\, g\!\left(\frac{k - N + D}{D}\right) & \text{otherwise} \end{cases}"
        r"\quad g(x) = 1 - x,\ \tfrac{1}{2}(1 + \cos \pi x)\ \text{or}\ 1 - \sqrt{x}",
        "When the length of the run is not settled: train on at the stable LR as long as you like and decay only then. "
        "Decays of 10 to 20 % of the run come close to a cosine over all of it.",
        "Language",
        (
            ("Hu et al. 2024, MiniCPM (the name and the shape)", "https://arxiv.org/abs/2404.06395"),
            ("Hägele et al. 2024, Scaling Laws Beyond Fixed Durations (1-sqrt)", "https://arxiv.org/abs/2405.18392"),
            ("Hugging Face transformers: get_wsd_schedule", _TRANSFORMERS),
        ),
        (
            _share("warmup", 0.05, "The share of the run in which the LR rises.", 0.5),
            factor("start_factor", 0.0, "The first update uses this times the base LR."),
            _share("decay", 0.2, "The share of the run, at its end, in which the LR falls.", 0.5),
            choice(
                "shape", "How the LR falls.",
                ("linear", "in a straight line"), ("cosine", "half a cosine"), ("1-sqrt", "fast at first (1-sqrt)"),
            ),
            factor("final_factor", 0.0, "Where the decay ends, as a fraction of the base LR."),
        ),
        WarmupStableDecay,
    ),
    Recipe(
        "inverse-sqrt",
        "Inverse square root",
        "A straight rise from 0, then the LR falls with one over the square root of the steps.",
        r"\eta_k = \eta_0 \cdot \begin{cases} k / W & k < W \\ \left(1 + \frac{k - W}{T}\right)^{-1/2} &"
        r" \text{otherwise} \end{cases}",
        "For runs that may go on: it needs no end, and falls ever more slowly. The timescale sets how fast; without "
        "one it is the warm-up's length, as in transformers, and 10,000 steps where there is no warm-up.",
        "transformers",
        (
            ("Hugging Face transformers: get_inverse_sqrt_schedule", _TRANSFORMERS),
            ("Zhai et al. 2021, Scaling Vision Transformers", "https://arxiv.org/abs/2106.04560"),
        ),
        (
            _WARMUP,
            length(
                "timescale", "After so many steps beyond the warm-up the LR is down to 71 %, after three times as many "
                "to a half.", share=0.1, reach=2, optional="the warm-up's length",
            ),
        ),
        InverseSqrt,
    ),
    Recipe(
        "noam",
        "Noam, of the first Transformer",
        "A straight rise, then one over the square root of the steps, both scaled by the width of the model.",
        r"\eta_k = \eta_0 \cdot d^{-1/2} \cdot \min\!\left((k + 1)^{-1/2},\ (k + 1)\, W^{-3/2}\right)",
        "To repeat the Transformer of 2017. The base LR only multiplies the curve: set it to 1 (the paper) or 2. The "
        "peak is the base LR divided by the square root of d_model times warmup; the first LR is not 0.",
        "Language",
        (_ATTENTION, ("The Annotated Transformer", "https://nlp.seas.harvard.edu/annotated-transformer/")),
        (
            Parameter(
                "d_model", "d_model", "int", 512, "The width of the model; four times as wide halves the LR.",
                min=64, max=8192, step=64,
            ),
            length("warmup", "Steps until the peak; 4,000 in the paper.", share=0.1, reach=0.5),
        ),
        Noam,
    ),
)  # fmt: skip
