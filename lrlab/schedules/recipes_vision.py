"""Recipes of image training: warm-up and cosine, timm's and fastai's schedules, polynomial decay with a warm-up."""

from __future__ import annotations

from lrlab.schedules.parameter import Parameter, factor, length, rate, switch
from lrlab.schedules.recipe import Recipe, Run, Settings, above_floor, formula, per_step, tidy, warmed, written
from lrlab.schedules.spec import (
    CosineAnnealingLR,
    Fixed,
    LinearLR,
    OneCycleLR,
    PolynomialLR,
    Scheduler,
    ScheduleSpec,
    SequentialLR,
)
from lrlab.schedules.values import (
    CountOrZero,
    Divisor,
    Factor,
    Rate,
    Share,
    ShareAboveZero,
)

_FASTAI = "https://docs.fast.ai/callback.schedule.html"
_TRANSFORMERS = "https://huggingface.co/docs/transformers/main_classes/optimizer_schedules"


class WarmupCosine(Settings):
    warmup: CountOrZero
    start_factor: Share
    final_lr: Rate

    def schedule(self, run: Run) -> ScheduleSpec:
        warmup, left = warmed(run, self.warmup, self.start_factor)
        return per_step(CosineAnnealingLR(T_max=left, eta_min=self.final_lr), warmup)


class WarmupPolynomial(Settings):
    warmup: CountOrZero
    start_factor: Share
    power: Factor
    final_lr: Rate

    def schedule(self, run: Run) -> ScheduleSpec:
        warmup, left = warmed(run, self.warmup, self.start_factor)
        if self.final_lr == 0:
            return per_step(PolynomialLR(total_iters=left, power=self.power), warmup)
        shape = f"max(0, 1 - step / {left}) ** {written(self.power)}"
        return per_step(formula(above_floor(self.final_lr / run.lr, shape)), warmup)


class TimmCosine(Settings):
    warmup_epochs: CountOrZero
    warmup_factor: Share
    min_lr: Rate
    warmup_prefix: bool

    def schedule(self, run: Run) -> ScheduleSpec:
        return ScheduleSpec(interval="epoch", scheduler=self._scheduler(run))

    def _scheduler(self, run: Run) -> Scheduler:
        rise = self.warmup_epochs
        cosine = CosineAnnealingLR(T_max=max(run.epochs - rise, 1), eta_min=self.min_lr)
        if rise == 0:
            return cosine
        climb = above_floor(self.warmup_factor, f"epoch / {rise}")
        if self.warmup_prefix:
            # torch's LinearLR cannot rise from 0, and overflows rising from next to it.
            first = (
                LinearLR(start_factor=self.warmup_factor, end_factor=1.0, total_iters=rise)
                if self.warmup_factor > 1e-9
                else formula(climb)
            )
            return SequentialLR(schedulers=(first, cosine), milestones=(rise,))
        # The cosine counts from the start of the run; torch's SequentialLR would begin it at its top.
        shape = f"(1 + cos(pi * epoch / {run.epochs})) / 2"
        return formula(f"{climb} if epoch < {rise} else {above_floor(self.min_lr / run.lr, shape)}")


class FlatCosine(Settings):
    pct_start: Share
    div_final: Divisor

    def schedule(self, run: Run) -> ScheduleSpec:
        flat = self.pct_start * run.updates
        whole = round(flat)
        if self.pct_start == 1:
            return per_step(Fixed())
        if abs(flat - whole) <= 1e-9 * run.updates and whole < run.updates:
            cosine = CosineAnnealingLR(T_max=run.updates - whole, eta_min=tidy(run.lr / self.div_final))
            if whole == 0:
                return per_step(cosine)
            return per_step(SequentialLR(schedulers=(Fixed(), cosine), milestones=(whole,)))
        # The cosine begins between two updates: torch's milestones are whole.
        start = written(self.pct_start)
        shape = f"(1 + cos(pi * (t - {start}) / {written(1 - self.pct_start)})) / 2"
        return per_step(formula(f"1 if t < {start} else {above_floor(1 / self.div_final, shape)}"))


class FastaiOneCycle(Settings):
    pct_start: ShareAboveZero
    div: Divisor
    div_final: Divisor

    def schedule(self, run: Run) -> ScheduleSpec:
        # fastai's last phase ends after the last update, torch's with the last call but one, and torch's phases are
        # one call shorter than their share: one step more and this share make both meet in every update.
        rise = self.pct_start * run.updates
        return per_step(
            OneCycleLR(
                max_lr=run.lr,
                total_steps=run.updates + 1,
                pct_start=(rise + 1) / (run.updates + 1),
                anneal_strategy="cos",
                cycle_momentum=True,
                base_momentum=0.85,
                max_momentum=0.95,
                div_factor=self.div,
                final_div_factor=tidy(self.div_final / self.div),
            )
        )


def _divisor(name: str, start: float, help: str, low: float, high: float) -> Parameter:
    return Parameter(name, name, "float", start, help, min=low, max=high, log=True)


WARMUP = length("warmup", "Steps over which the LR rises in a straight line; 0 for none.", share=0.1, low=0, reach=0.5)
START_FACTOR = factor("start_factor", 0.0, "The first update uses this times the base LR; 0 makes it change nothing.")
FINAL_LR = rate("final_lr", "The LR at the end of the run.", below=5, above=0, times=0.01, zero=True)

VISION = (
    Recipe(
        "warmup-cosine",
        "Warm-up and cosine",
        "A straight rise to the base LR, then half a cosine that reaches the final LR with the end of the run.",
        r"\eta_k = \begin{cases} \eta_0 \left(s + (1 - s)\, k / W\right) & k < W \\ \eta_f + (\eta_0 - \eta_f)\,"
        r"\tfrac{1}{2}\left(1 + \cos\frac{\pi (k - W)}{N - W}\right) & \text{otherwise} \end{cases}",
        "The usual choice for transformers of images and text, and a safe one for most networks: the rise lets the "
        "optimiser find its footing, the cosine needs nothing but the length of the run.",
        "Vision",
        (
            ("Goyal et al. 2017, Accurate, Large Minibatch SGD (the warm-up)", "https://arxiv.org/abs/1706.02677"),
            ("Loshchilov and Hutter 2016, SGDR (the cosine)", "https://arxiv.org/abs/1608.03983"),
            ("Hugging Face transformers: get_cosine_with_min_lr_schedule_with_warmup", _TRANSFORMERS),
        ),
        (WARMUP, START_FACTOR, FINAL_LR),
        WarmupCosine,
    ),
    Recipe(
        "timm-cosine",
        "timm's cosine with warm-up",
        "Epoch by epoch a straight rise, then a cosine, which by timm's default began with the run.",
        r"\eta_k = \begin{cases} \eta_0 \left(s + (1 - s)\, k / W\right) & k < W \\"
        r" \eta_{\min} + (\eta_0 - \eta_{\min})"
        r"\,\tfrac{1}{2}\left(1 + \cos\frac{\pi k'}{N'}\right) & \text{otherwise} \end{cases}"
        r"\quad\text{with prefix } k' = k - W,\ N' = N - W,\ \text{else } k' = k,\ N' = N",
        "To repeat a run of timm. Without warmup_prefix the cosine has gone on during the warm-up, so that the LR "
        "drops a little where the warm-up ends.",
        "timm",
        (("timm documentation: CosineLRScheduler", "https://huggingface.co/docs/timm/reference/schedulers"),),
        (
            length("warmup_epochs", "Epochs over which the LR rises; 0 for none.", share=0.15, low=0, reach=0.5),
            factor("warmup_factor", 0.01, "The first epoch uses this times the base LR (timm gives the LR itself)."),
            rate("min_lr", "The LR at the end of the cosine.", below=5, above=0, times=0.01, zero=True),
            switch("warmup_prefix", False, "On: the cosine starts after the warm-up. Off: it started with the run."),
        ),
        TimmCosine,
        "epoch",
    ),
    Recipe(
        "flat-cosine",
        "Flat, then cosine",
        "The base LR for most of the run, then half a cosine down to a very small LR (fastai's fit_flat_cos).",
        r"\eta_k = \eta_0 \cdot \begin{cases} 1 & k < p N \\ \tfrac{1}{d} + \left(1 - \tfrac{1}{d}\right)"
        r"\tfrac{1}{2}\left(1 + \cos\frac{\pi (k - p N)}{(1 - p) N}\right) & \text{otherwise} \end{cases}",
        "With optimisers that need no warm-up of their own, such as RAdam and Ranger. The long flat part explores, "
        "the short cosine settles.",
        "fastai",
        (("fastai documentation: fit_flat_cos", _FASTAI),),
        (
            factor("pct_start", 0.75, "The share of the run at the base LR."),
            _divisor("div_final", 1e5, "The LR ends at the base LR divided by this.", 1.0, 1e6),
        ),
        FlatCosine,
    ),
    Recipe(
        "fastai-one-cycle",
        "One cycle as fastai has it",
        "Up to the base LR in a quarter of the run and down to almost nothing, the momentum moving against it.",
        r"\eta_k = \begin{cases} c\!\left(\eta_0 / d,\ \eta_0,\ \tfrac{k}{p N}\right) & k < p N \\"
        r" c\!\left(\eta_0,\ \eta_0 / d_f,\ \tfrac{k - p N}{(1 - p) N}\right) & \text{otherwise} \end{cases}"
        r"\quad c(a, b, x) = b + (a - b)\,\tfrac{1}{2}(1 + \cos \pi x)",
        "For short runs at a high LR; the base LR is the highest one here. Left to its defaults, torch's OneCycleLR "
        "rises for 30 % of the run and ends at its max_lr / 250,000; these parameters give fastai's curve.",
        "fastai",
        (
            ("fastai documentation: fit_one_cycle", _FASTAI),
            ("Smith and Topin 2017, Super-Convergence", "https://arxiv.org/abs/1708.07120"),
        ),
        (
            Parameter(
                "pct_start", "pct_start", "float", 0.25, "The share of the run in which the LR rises.",
                min=0.01, max=1, step=0.01, unit="factor",
            ),
            _divisor("div", 25.0, "The first LR is the base LR divided by this.", 1.0, 1e4),
            _divisor("div_final", 1e5, "The last LR is the base LR divided by this.", 1.0, 1e8),
        ),
        FastaiOneCycle,
    ),
    Recipe(
        "warmup-polynomial",
        "Warm-up and polynomial decay",
        "A straight rise to the base LR, then down to the final LR along a power of the updates left.",
        r"\eta_k = \begin{cases} \eta_0 \left(s + (1 - s)\, k / W\right) & k < W \\ \eta_f + (\eta_0 - \eta_f)"
        r"\left(1 - \frac{k - W}{N - W}\right)^{\mathrm{power}} & \text{otherwise} \end{cases}",
        "Segmentation networks: power 0.9, the poly policy of DeepLab. Power 1 is the linear decay of fine-tuning, "
        "power 2 falls early.",
        "Vision",
        (
            ("Chen et al. 2016, DeepLab (the poly policy)", "https://arxiv.org/abs/1606.00915"),
            ("Hugging Face transformers: get_polynomial_decay_schedule_with_warmup", _TRANSFORMERS),
        ),
        (
            WARMUP,
            START_FACTOR,
            Parameter(
                "power", "power", "float", 0.9, "1 is a straight line; above 1 falls early, below 1 falls late.",
                min=0, max=5, step=0.1,
            ),
            FINAL_LR,
        ),
        WarmupPolynomial,
    ),
)  # fmt: skip
