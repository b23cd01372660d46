"""The optimisers in words, and what a control for each of their parameters covers.

The ranges are what a slider covers; the Experiment may allow more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from lrlab.schedules import LR, Parameter


@dataclass(frozen=True)
class OptimizerEntry:
    """One optimiser: what it is, when to use it, and its parameters as torch names them (`lr` first)."""

    name: str
    line: str
    when: str
    parameters: tuple[Parameter, ...]


def _small(name: str, start: float, help: str, *, zero: bool = True, low: float = 1e-6, high: float = 1) -> Parameter:
    """A number that is chosen by its order of magnitude."""
    return Parameter(name, name, "float", start, help, min=low, max=high, log=True, zero=zero)


def _share(name: str, start: float, help: str, high: float = 0.999) -> Parameter:
    return Parameter(name, name, "float", start, help, min=0, max=high, step=0.001 if high > 0.99 else 0.01)


def _switch(name: str, help: str) -> Parameter:
    return Parameter(name, name, "bool", False, help)


def _lr(start: float) -> Parameter:
    return replace(LR, start=start)


def _eps(start: float) -> Parameter:
    return _small("eps", start, "Added below the fraction, so that nothing is divided by zero.", zero=False, low=1e-12)


_BETAS = Parameter(
    "betas", "betas", "list of float", (0.9, 0.999),
    "How slowly the two running means (of the gradient, of its square) forget.",
    min=0, max=0.999,
)  # fmt: skip
_AMSGRAD = _switch("amsgrad", "Divides by the largest second mean so far, so that steps never grow again.")
_DECOUPLED = _switch("decoupled_weight_decay", "Keeps weight decay apart from the gradient, as AdamW does.")
_L2 = _small("weight_decay", 0.0, "Added to the gradient: this times each weight (L2 penalty); 0 switches it off.")
_DECAY = _small("weight_decay", 0.01, "Each update shrinks the weights by LR x this; 0 switches it off.")
_MOMENTUM = "The part of the last update that is carried into the next; 0 is plain gradient descent."

_ENTRIES = (
    OptimizerEntry(
        "SGD",
        "Stochastic gradient descent with momentum.",
        "Feels the schedule most, and with a good one often ends best. Wants an LR some ten to a hundred times Adam's.",
        (
            _lr(0.001),
            _share("momentum", 0.9, _MOMENTUM, high=0.99),
            _L2,
            _switch("nesterov", "Looks one step of momentum ahead; needs a momentum above 0 and no dampening."),
            _share("dampening", 0.0, "How much less of the new gradient enters the momentum.", high=0.99),
        ),
    ),
    OptimizerEntry(
        "Adam",
        "Steps scaled for each weight by running means of its gradient and of the gradient's square.",
        "A safe first choice: 0.001 trains almost anything, and schedules still help.",
        (_lr(0.001), _L2, _BETAS, _eps(1e-8), _AMSGRAD),
    ),
    OptimizerEntry(
        "AdamW",
        "Adam with weight decay kept apart from the gradient.",
        "Where weight decay matters: longer runs, larger networks, fine-tuning.",
        (_lr(0.001), _DECAY, _BETAS, _eps(1e-8), _AMSGRAD),
    ),
    OptimizerEntry(
        "RMSprop",
        "Steps scaled for each weight by a running mean of its squared gradient.",
        "Adam's forerunner; older recipes, MobileNet's among them, are written for it.",
        (
            _lr(0.01),
            _share("alpha", 0.99, "How slowly the mean of the squared gradient forgets."),
            _share("momentum", 0.0, _MOMENTUM, high=0.99),
            _L2,
            _eps(1e-8),
            _switch("centered", "Divides by the gradient's spread about its mean in place of its size."),
        ),
    ),
    OptimizerEntry(
        "Adagrad",
        "Steps divided by the root of all squared gradients so far: a decay of its own for each weight.",
        "To see steps that shrink by themselves; in long runs they shrink too far.",
        (
            _lr(0.01),
            _small("lr_decay", 0.0, "Divides the LR by 1 + updates x this; 0 switches it off."),
            _L2,
            _small(
                "initial_accumulator_value", 0.0, "What the sum of squares begins with; above 0 tames the first steps.",
                high=10,
            ),
            _eps(1e-10),
        ),
    ),
    OptimizerEntry(
        "Adadelta",
        "Steps scaled by running means of squared gradients and of squared steps.",
        "Made to need no LR: it wants one near 1, and other LRs scale its steps.",
        (_lr(1.0), _share("rho", 0.9, "How slowly both means forget."), _L2, _eps(1e-6)),
    ),
    OptimizerEntry(
        "Adamax",
        "Adam with the largest gradient of late in place of the mean square.",
        "Where a few gradients are far larger than the rest.",
        (_lr(0.002), _L2, _BETAS, _eps(1e-8)),
    ),
    OptimizerEntry(
        "NAdam",
        "Adam with Nesterov's momentum, which looks one step ahead.",
        "In place of Adam; often a little quicker at the start.",
        (
            _lr(0.002),
            _L2,
            _BETAS,
            _eps(1e-8),
            _small("momentum_decay", 0.004, "How quickly the momentum rises to its full value."),
            _DECOUPLED,
        ),
    ),
    OptimizerEntry(
        "RAdam",
        "Adam that takes plain steps until its means can be trusted.",
        "Where Adam needs a warm-up: it brings one of its own.",
        (_lr(0.001), _L2, _BETAS, _eps(1e-8), _DECOUPLED),
    ),
    OptimizerEntry(
        "ASGD",
        "Stochastic gradient descent with a decay of its own, made for averaging the weights.",
        "Of historical interest; torch keeps the average beside the weights, and the weights are what is tested.",
        (
            _lr(0.01),
            _small("lambd", 1e-4, "How quickly the LR decays and the weights shrink."),
            Parameter(
                "alpha", "alpha", "float", 0.75, "The power by which the LR decays.", min=0, max=2, step=0.05
            ),
            _small("t0", 1e6, "The update at which averaging begins.", low=1, high=1e8),
            _L2,
        ),
    ),
    OptimizerEntry(
        "Adafactor",
        "Adam's scaling kept as a row and a column for each matrix, which takes little memory.",
        "For large networks on a small GPU. It takes at most 1 / the root of the updates so far for its LR.",
        (
            _lr(0.01),
            Parameter(
                "beta2_decay", "beta2_decay", "float", -0.8,
                "The second mean's memory grows with the updates to this power.",
                min=-1, max=0, step=0.05,
            ),
            Parameter("d", "d", "float", 1.0, "Steps are clipped to this size.", min=1, max=10, step=0.5),
            replace(_DECAY, start=0.0),
        ),
    ),
    OptimizerEntry(
        "Rprop",
        "Steps by the sign of the gradient alone, longer while the sign stays and shorter once it turns.",
        "For whole-set gradients; on batches the signs are noise. It looks at its LR once, so schedules do nothing.",
        (
            _lr(0.01),
            Parameter(
                "etas", "etas", "list of float", (0.5, 1.2),
                "By what a step is multiplied once the sign turns (below 1), and while it stays (above 1).",
                min=0.1, max=2,
            ),
            Parameter(
                "step_sizes", "step_sizes", "list of float", (1e-6, 50.0), "The smallest and the largest step.",
                min=1e-6, max=1,
            ),
        ),
    ),
)  # fmt: skip

OPTIMIZERS: Mapping[str, OptimizerEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
