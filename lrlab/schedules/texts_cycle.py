"""The catalogue's entries of the schedulers that go up and down, and of the one that follows what is measured."""

from __future__ import annotations

from lrlab.schedules.parameter import (
    Parameter,
    SchedulerEntry,
    choice,
    documentation,
    factor,
    length,
    rate,
    switch,
)

_SGDR = (
    "Loshchilov and Hutter 2016, SGDR: Stochastic Gradient Descent with Warm Restarts",
    "https://arxiv.org/abs/1608.03983",
)
_CYCLIC = ("Smith 2015, Cyclical Learning Rates for Training Neural Networks", "https://arxiv.org/abs/1506.01186")
_SUPER = (
    "Smith and Topin 2017, Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
    "https://arxiv.org/abs/1708.07120",
)


def _cycle_momentum(optimizers: str) -> Parameter:
    return switch(
        "cycle_momentum", True,
        "Moves the momentum against the LR, and overwrites what the optimiser was given as soon as it is built: "
        f"{optimizers}. An optimiser without momentum, such as Adagrad, is refused unless this is off.",
    )  # fmt: skip


def _momentum(name: str, start: float, help: str) -> Parameter:
    return Parameter(
        name, name, "float", start, help, min=0, max=0.99, step=0.01, unit="momentum", needs=("cycle_momentum", True)
    )


CYCLE = (
    SchedulerEntry(
        "CosineAnnealingWarmRestarts",
        "Half a cosine in T_0 calls, then from the base LR again, each cycle T_mult times as long as the last.",
        r"\eta_k = \eta_{\min} + \tfrac{1}{2}\,(\eta_0 - \eta_{\min})\left(1 + \cos\frac{\pi\, T_{\mathrm{cur}}}{T_i}"
        r"\right), \quad T_i = T_0 \cdot T_{\mathrm{mult}}^{\,i}",
        "Several good models from one run: each low point is one, just before the LR jumps up again. "
        "Make the last cycle end with the run; a restart shortly before the end leaves the model worse than before it.",
        (
            length(
                "T_0", "Calls of the first cycle. The last call of a cycle stays above eta_min: the call that would "
                "reach it is the restart. A whole number of calls; torch refuses 2.0.",
                share=1 / 7,
            ),
            Parameter(
                "T_mult", "T_mult", "int", 2,
                "How much longer each cycle is than the one before; 1 makes all equal. A whole number.",
                min=1, max=10, step=1, unit="factor",
            ),
            rate("eta_min", "What each cosine falls towards.", below=5, above=1, times=0.01, zero=True),
        ),
        "cycle",
        (documentation("CosineAnnealingWarmRestarts"), _SGDR),
    ),
    SchedulerEntry(
        "OneCycleLR",
        "One rise from a small LR to max_lr and one long fall to almost nothing; the momentum moves against it.",
        r"\eta_k = \begin{cases} A\!\left(\eta_{\mathrm{start}},\, \eta_{\max},\, k / k_1\right) & k \le k_1 \\"
        r" A\!\left(\eta_{\max},\, \eta_{\mathrm{end}},\, (k - k_1) / (k_2 - k_1)\right) & k > k_1 \end{cases},"
        r"\quad k_1 = \mathrm{pct\_start} \cdot N - 1,\; k_2 = N - 1,"
        r"\; \eta_{\mathrm{start}} = \frac{\eta_{\max}}{\mathrm{div\_factor}},"
        r"\; \eta_{\mathrm{end}} = \frac{\eta_{\mathrm{start}}}{\mathrm{final\_div\_factor}},"
        r"\; A(a, b, x) = b + \tfrac{1}{2}(a - b)(1 + \cos \pi x)",
        "Fast training on a fixed budget, counted in steps: a high LR in the middle, a clean end. Take max_lr from an "
        "LR finder. The base LR plays no part, and the run cannot be made longer than total_steps.",
        (
            rate("max_lr", "The highest LR, reached at the end of the rise. It replaces the base LR.",
                 below=2, above=3, times=10),
            length(
                "total_steps", "The length N of the whole cycle in calls: the run's own number. With more the run ends "
                "before the fall does; with less torch raises. The LR is lowest in call N - 1, call N turns up again "
                "and call N + 1 is an error. torch also takes epochs and steps_per_epoch and multiplies them, whatever "
                "it is that calls step().",
                share=1, reach=2,
            ),
            Parameter(
                "pct_start", "pct_start", "float", 0.3,
                "The part of the cycle in which the LR rises. Where it makes the rise exactly one call (0.5 of 2, 0.05 "
                "of 20) torch divides by zero; torch refuses the whole numbers 0 and 1 and wants 0.0.",
                min=0, max=0.99, step=0.01, unit="share",
            ),
            choice(
                "anneal_strategy", "The shape of rise and fall.",
                ("cos", "half a cosine: gentle at both ends"), ("linear", "a straight line"),
            ),
            _cycle_momentum("0 becomes 0.95 in SGD and RMSprop, and so does Adam's beta1"),
            _momentum("base_momentum", 0.85, "The momentum where the LR is highest."),
            _momentum("max_momentum", 0.95, "The momentum where the LR is lowest, and at the first update."),
            Parameter(
                "div_factor", "div_factor", "float", 25.0, "The first LR is max_lr divided by this.",
                min=1, max=1000, log=True, unit="factor",
            ),
            Parameter(
                "final_div_factor", "final_div_factor", "float", 1e4,
                "The last LR is the first LR divided by this, so max_lr / 250,000 with both defaults; fastai ends at "
                "max_lr / 100,000.",
                min=1, max=1e6, log=True, unit="factor",
            ),
            switch(
                "three_phase", False,
                "Falls back to the first LR as fast as it rose, and only then to the last one, as in the paper. "
                "With pct_start 0.6 the cycle ends within the second phase, and the lowest LR is never reached.",
            ),
        ),
        "cycle",
        (documentation("OneCycleLR"), _SUPER),
    ),
    SchedulerEntry(
        "CyclicLR",
        "Straight up from base_lr to max_lr and straight down again, over and over; the momentum moves against it.",
        r"\eta_k = \eta_{\mathrm{base}} + (\eta_{\max} - \eta_{\mathrm{base}}) \cdot s \cdot"
        r" \begin{cases} x / r & x \le r \\ (1 - x) / (1 - r) & x > r \end{cases},"
        r"\quad c + x = \frac{k}{u + d},\; r = \frac{u}{u + d},"
        r"\; s = 1,\; 2^{-c}\; \text{or}\; \gamma^{k}",
        "When no single LR is known to be good: the run passes through a whole range of them again and again. "
        "Counted in steps; the paper lets a rise take 2 to 10 epochs. End the run at the bottom of a cycle. "
        "The base LR plays no part.",
        (
            rate(
                "base_lr", "The LR at the bottom of each cycle, and at the first update. It replaces the base LR.",
                below=3, above=2, times=1, zero=True,
            ),
            rate("max_lr", "The LR at the top of a cycle.", below=2, above=3, times=10),
            length("step_size_up", "Calls from the bottom to the top (u in the formula).", share=0.125),
            length(
                "step_size_down", "Calls from the top to the bottom (d in the formula); 0 drops at once.",
                share=0.125, low=0, optional="as many as step_size_up",
            ),
            choice(
                "mode", "What becomes of the height of the cycles (s in the formula).",
                ("triangular", "every cycle is as high as the first"),
                ("triangular2", "each cycle is half as high as the one before"),
                ("exp_range", "the height shrinks by the factor gamma at every call"),
            ),
            Parameter(
                "gamma", "gamma", "float", 0.891,
                "With mode exp_range, the height is this to the power of the call's number; the other modes ignore it. "
                "1, torch's default, makes exp_range the same as triangular.",
                min=0.501, max=1.123, step=0.001, unit="factor", needs=("mode", "exp_range"),
            ),
            _cycle_momentum("0 becomes 0.9 in SGD and RMSprop, and Adam's beta1 starts at 0.9"),
            _momentum("base_momentum", 0.8, "The momentum at the top of a full-height cycle, where the LR is max_lr."),
            _momentum("max_momentum", 0.9, "The momentum at the bottom of a cycle, where the LR is base_lr."),
        ),
        "cycle",
        (documentation("CyclicLR"), _CYCLIC),
    ),
)  # fmt: skip

MEASURED = (
    SchedulerEntry(
        "ReduceLROnPlateau",
        "The LR times a factor whenever the validation loss has not got better for more than patience epochs.",
        r"\eta_k = \begin{cases} \max(\mathrm{factor} \cdot \eta_{k-1},\, \mathrm{min\_lr})"
        r" & \text{bad epochs} > \mathrm{patience} \\ \eta_{k-1} & \text{otherwise} \end{cases}",
        "When nobody knows beforehand where the loss will stop falling. The run decides, so two runs of it differ; "
        "try patience and threshold against the loss of a run that you have. torch refuses it inside SequentialLR; "
        "the warm-up of this page works before it.",
        (
            choice(
                "mode", "Whether lower or higher is better. An accuracy watched with min is cut again and again, for "
                "it rises while the model gets better.",
                ("min", "lower is better, as for a loss"), ("max", "higher is better, as for an accuracy"),
            ),
            factor("factor", 0.5, "The LR is multiplied by this at every cut; below 1.", high=0.99),
            length(
                "patience", "Epochs in a row without a better metric that are still forgiven; the next one cuts. "
                "Keras cuts one epoch sooner, when the count reaches patience.",
                share=0.1, low=0,
            ),
            Parameter(
                "threshold", "threshold", "float", 1e-4,
                "How much better than the best so far a metric must be to count; NaN never counts. By default a share "
                "of the best (Keras' min_delta is an amount).",
                min=1e-6, max=1, log=True, zero=True,
            ),
            choice(
                "threshold_mode", "How the threshold is meant. A share goes wrong below 0: with a negative best, a "
                "worse metric can count as better.",
                ("rel", "a share of the best so far"), ("abs", "an amount in the metric's own unit"),
            ),
            length(
                "cooldown", "Epochs after a cut in which bad ones are not counted.", share=0, low=0,
            ),
            rate("min_lr", "No cut takes the LR below this.", below=6, above=1, times=0, zero=True),
            Parameter(
                "eps", "eps", "float", 1e-8,
                "A cut that changes the LR by no more than this is left out, so very small LRs are never cut.",
                min=1e-12, max=1e-3, log=True, zero=True, unit="LR",
            ),
        ),
        "measured",
        (documentation("ReduceLROnPlateau"),),
        intervals=("epoch",),
    ),
)  # fmt: skip
