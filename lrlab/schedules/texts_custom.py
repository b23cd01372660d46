"""The catalogue's entries of the schedulers that a person writes or draws, and of those that hold other schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lrlab.schedules.parameter import Form, Parameter, SchedulerEntry, choice, documentation
from lrlab.schedules.table import Table

DRAWN = ((0.0, 0.1), (0.15, 1.0), (0.6, 1.0), (1.0, 0.01))
"""The table that is there at first, in shares of the run's calls: a rise, a hold and a fall."""

_FORMULA = Parameter(
    "formula", "formula", "text", "0.851 ** epoch",
    "The factor on the base LR, as torch's lr_lambda: epoch is the number of the call (with interval step it counts "
    "steps), t the share of the run that is done, total the number of calls. A change of the LR by hand is lost at the "
    "next call, and a saved state holds no lambda: build the same formula again before loading it.",
)  # fmt: skip

TABLE: tuple[Parameter, ...] = (
    Parameter(
        "points", "points", "table", Table(points=tuple((20 * share, height) for share, height in DRAWN)),
        "Rows of a call and the factor on the base LR there, in increasing order of calls. Before the first point and "
        "after the last one the factor stays as it is there.",
    ),
    choice(
        "interpolation", "What the factor does between two points.",
        ("linear", "it goes straight from one to the next"), ("step", "it stays until the next point"),
    ),
    choice(
        "scale", "Whether the straight line is one of the factor or of its logarithm, on which equal distances are "
        "equal ratios; all factors must then be above 0.",
        ("linear", "of the factor"), ("log", "of its logarithm"),
    ),
)  # fmt: skip
"""What a drawn curve consists of: the fields of a Table, the grid of its points first."""

FORMS: Mapping[str, tuple[Form, ...]] = MappingProxyType(
    {
        "LambdaLR": (
            Form("formula", "A formula", "Write the factor as a formula of the call's number.", (_FORMULA,)),
            Form(
                "table", "Points drawn by hand", "Give the factor at a few calls; what lies between is filled in.",
                (
                    Parameter(
                        "table", "table", "table", TABLE[0].start,
                        "Points of the curve, each a call and the factor on the base LR, and what lies between them.",
                    ),
                ),
            ),
        )
    }
)  # fmt: skip
"""The schedulers that can be given in several ways, the first one being that of their entry in CATALOGUE."""

CUSTOM = (
    SchedulerEntry(
        "LambdaLR",
        "The base LR times a formula of your own, or times a curve of points drawn by hand.",
        r"\eta_k = \eta_0 \cdot f(k)",
        "When no other scheduler has the shape you want, or to try one out of a paper as it is printed there.",
        FORMS["LambdaLR"][0].parameters,
        "custom",
        (documentation("LambdaLR"),),
    ),
    SchedulerEntry(
        "MultiplicativeLR",
        "The LR times a factor of your own at every call.",
        r"\eta_k = \eta_{k-1} \cdot f(k)",
        "When the next LR is best said by the one before it. The factors multiply up: "
        "0.95 at every call is 0.95 ** k after k of them.",
        (
            Parameter(
                "formula", "formula", "text", "0.851",
                "The factor on the LR as it is, not on the base LR; a decay such as 0.9 ** epoch falls far too fast "
                "here. The first call has epoch 1. A change of the LR by hand stays.",
            ),
        ),
        "custom",
        (documentation("MultiplicativeLR"),),
    ),
)  # fmt: skip

COMBINE = (
    SchedulerEntry(
        "SequentialLR",
        "One scheduler after another; the next one takes over at each milestone, at its own beginning.",
        r"\eta_k = \eta^{(i)}_{k - m_i}, \quad m_i \le k < m_{i+1}, \quad m_0 = 0",
        "Warm-up and then decay, or any curve in phases. A phase starts from the base LR, not from where the one "
        "before it ended (MultiplicativeLR alone goes on from there), so lengths and milestones must fit for the curve "
        "to join. A warm-up before OneCycleLR rises no further than max_lr / div_factor, for OneCycleLR replaces the "
        "base LR; CyclicLR drops to its own base_lr; torch takes no ReduceLROnPlateau here. A SequentialLR or "
        "ChainedScheduler may only be the first phase, and is then one call ahead. Built with last_epoch to go on with "
        "a run, it starts at the base LR again: load its saved state instead.",
        (
            Parameter(
                "milestones", "milestones", "list of int", (3,),
                "The calls at which the next scheduler takes over, one fewer than there are schedulers. One that comes "
                "before a warm-up has ended makes the LR jump.",
                min=0, max=20, step=1, unit="calls", share=(0.15,),
            ),
        ),
        "combine",
        (
            documentation("SequentialLR"),
            (
                "Goyal et al. 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (warm-up)",
                "https://arxiv.org/abs/1706.02677",
            ),
        ),
    ),
    SchedulerEntry(
        "ChainedScheduler",
        "Several schedulers at once: every call steps each of them, so that their factors multiply.",
        r"\eta_k = \eta_0 \cdot f^{(1)}_k \cdot f^{(2)}_k \cdots",
        "Two effects on one LR, such as a slow decay and a reduced LR for the first epochs. It is no warm-up "
        "followed by a decay: a cosine chained to a warm-up falls while the LR still rises, and the peak stays below "
        "the base LR. A scheduler that sets the LR by itself (LambdaLR, CosineAnnealingWarmRestarts, CyclicLR, "
        "OneCycleLR) discards what those before it have done. torch takes no ReduceLROnPlateau here.",
        (),
        "combine",
        (documentation("ChainedScheduler"),),
    ),
)  # fmt: skip
