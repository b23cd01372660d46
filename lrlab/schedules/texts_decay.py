"""The catalogue's entries of the schedulers that take the LR from high to low, and of the one that leaves it."""

from __future__ import annotations

from lrlab.schedules.parameter import Parameter, SchedulerEntry, documentation, factor, length, rate

_GAMMA = "The LR is multiplied by this at every drop; 1 changes nothing, above 1 raises the LR."

DECAY = (
    SchedulerEntry(
        "Fixed",
        "The same LR from the first update to the last.",
        r"\eta_k = \eta_0",
        "The baseline that every schedule has to beat: train it first, and keep it for comparison.",
        (),
        "decay",
        (("PyTorch documentation: how to adjust the learning rate", "https://docs.pytorch.org/docs/stable/optim.html"),),
    ),
    SchedulerEntry(
        "StepLR",
        "The LR drops by the factor gamma after every step_size calls.",
        r"\eta_k = \eta_0 \cdot \gamma^{\lfloor k / \mathrm{step\_size} \rfloor}",
        "A first schedule that is easy to read in the loss: each drop shows. "
        "Two to four drops over the run are usual.",
        (
            length("step_size", "Calls between two drops; from the run's length on, it never drops.", share=0.25),
            factor("gamma", 0.5, _GAMMA),
        ),
        "decay",
        (documentation("StepLR"),),
    ),
    SchedulerEntry(
        "MultiStepLR",
        "The LR drops by the factor gamma at each milestone.",
        r"\eta_k = \eta_0 \cdot \gamma^{\,\#\{m \in \mathrm{milestones} \,:\, m \le k\}}",
        "When you know where the loss stops falling: place a drop just there. "
        "Residual networks are often trained with drops at half and three quarters of the run.",
        (
            Parameter(
                "milestones", "milestones", "list of int", (10, 15),
                "The calls at which the LR drops, in increasing order; one given twice drops twice. The drop comes "
                "with the milestone's own call; Keras' PiecewiseConstantDecay drops one step after its boundary.",
                min=0, max=20, step=1, unit="calls", share=(0.5, 0.75),
            ),
            factor("gamma", 0.1, _GAMMA),
        ),
        "decay",
        (
            documentation("MultiStepLR"),
            ("He et al. 2015, Deep Residual Learning for Image Recognition", "https://arxiv.org/abs/1512.03385"),
        ),
    ),
    SchedulerEntry(
        "ExponentialLR",
        "The LR is multiplied by gamma at every call.",
        r"\eta_k = \eta_0 \cdot \gamma^{k}",
        "A smooth decay without an end point. The longer the run, the closer gamma must be to 1: "
        "0.85 leaves 4 % after 20 calls and nothing to speak of after 100.",
        (
            Parameter(
                "gamma", "gamma", "float", 0.851,
                "The LR is multiplied by this at every call; 1 changes nothing, above 1 raises the LR. A value that "
                "suits epochs is far too small for steps: 0.9 leaves 4 % after 30 steps.",
                min=0.501, max=1.123, step=0.001, unit="factor",
            ),
        ),
        "decay",
        (documentation("ExponentialLR"),),
    ),
    SchedulerEntry(
        "CosineAnnealingLR",
        "Half a cosine from the LR down to eta_min in T_max calls.",
        r"\eta_k = \eta_{\min} + \tfrac{1}{2}\,(\eta_0 - \eta_{\min})"
        r"\left(1 + \cos\frac{\pi k}{T_{\max}}\right)",
        "A good default when the length of the run is fixed: a high LR for long, a gentle end. "
        "Set T_max to the run's length; past it the LR climbs again.",
        (
            length(
                "T_max", "Calls until the LR reaches eta_min; after that it climbs again. It cannot be stretched "
                "during training: torch computes each LR from the last one, and one that has reached 0 stays "
                "there for long.",
                share=1, reach=2,
            ),
            rate(
                "eta_min", "The lowest LR of the cosine. It is an LR, not a share of the base LR as alpha is in Keras' "
                "CosineDecay; above the base LR the cosine rises.",
                below=5, above=1, times=0.01, zero=True,
            ),
        ),
        "decay",
        (
            documentation("CosineAnnealingLR"),
            (
                "Loshchilov and Hutter 2016, SGDR: Stochastic Gradient Descent with Warm Restarts",
                "https://arxiv.org/abs/1608.03983",
            ),
        ),
    ),
    SchedulerEntry(
        "PolynomialLR",
        "The LR falls to zero in total_iters calls along a power of the calls left.",
        r"\eta_k = \eta_0 \left(1 - \frac{\min(k,\, \mathrm{total\_iters})}{\mathrm{total\_iters}}\right)"
        r"^{\mathrm{power}}",
        "Segmentation networks are often trained with power 0.9. "
        "1 is a straight line, more falls early, less falls late; past total_iters nothing is learnt any more.",
        (
            length("total_iters", "Calls until the LR is zero; 0 never changes it.", share=1, low=0, reach=2),
            Parameter(
                "power", "power", "float", 2.0,
                "1 is a straight line; above 1 falls early, below 1 falls late, 0 not at all.",
                min=0, max=5, step=0.1,
            ),
        ),
        "decay",
        (
            documentation("PolynomialLR"),
            (
                "Chen et al. 2016, DeepLab: Semantic Image Segmentation (power 0.9)",
                "https://arxiv.org/abs/1606.00915",
            ),
        ),
    ),
    SchedulerEntry(
        "LinearLR",
        "The LR times a factor that moves in a straight line from start_factor to end_factor.",
        r"\eta_k = \eta_0 \left(s + (e - s)\, \frac{\min(k,\, \mathrm{total\_iters})}{\mathrm{total\_iters}}\right),"
        r"\quad s = \mathrm{start\_factor},\; e = \mathrm{end\_factor}",
        "From 1 down to 0 it is the linear decay that fine-tuning uses; from a small factor up to 1 it is a warm-up.",
        (
            factor(
                "start_factor", 1.0, "The factor on the LR at the first call; above 0, and at most 1. Build the "
                "scheduler before a saved optimiser is loaded: building multiplies the LR by this factor.",
                low=0.01,
            ),
            factor("end_factor", 0.0, "The factor on the LR from call total_iters on, from 0 to 1."),
            length(
                "total_iters", "Calls from start_factor to end_factor; 0 keeps start_factor for ever.",
                share=1, low=0, reach=2,
            ),
        ),
        "decay",
        (
            documentation("LinearLR"),
            (
                "Goyal et al. 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (warm-up)",
                "https://arxiv.org/abs/1706.02677",
            ),
        ),
    ),
    SchedulerEntry(
        "ConstantLR",
        "A reduced LR for the first total_iters calls, then the LR itself.",
        r"\eta_k = \eta_0 \cdot \begin{cases} \mathrm{factor} & k < \mathrm{total\_iters} \\"
        r" 1 & \text{otherwise} \end{cases}",
        "A warm-up in one step, such as for the first epochs after a layer of a trained network was replaced.",
        (
            factor(
                "factor", 0.3, "The factor on the LR until call total_iters; above 0, for torch divides by it where "
                "it ends.",
                low=0.01,
            ),
            length("total_iters", "Calls with the reduced LR; 0 keeps it for ever.", share=0.25, low=0),
        ),
        "decay",
        (
            documentation("ConstantLR"),
            (
                "Goyal et al. 2017, Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour (constant warm-up)",
                "https://arxiv.org/abs/1706.02677",
            ),
        ),
    ),
)  # fmt: skip
