"""What the LR does: specs, closed-form curves, words, code. No torch, no Streamlit."""

from lrlab.schedules.catalogue import (
    CATALOGUE,
    EPOCHS,
    INTERVAL,
    LR,
    RUN,
    STEPS_PER_EPOCH,
    WARMUP,
    Parameter,
    SchedulerEntry,
    parameters,
    starting,
    warmup_parameters,
)
from lrlab.schedules.code import pytorch_code
from lrlab.schedules.composition import Composition
from lrlab.schedules.curve import Curve, curve
from lrlab.schedules.spec import (
    LR_CAP,
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    Fixed,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    ScheduleSpec,
    StepLR,
    Warmup,
)
from lrlab.schedules.words import label, number, sentences

__all__ = [
    "CATALOGUE",
    "EPOCHS",
    "INTERVAL",
    "LR",
    "LR_CAP",
    "RUN",
    "STEPS_PER_EPOCH",
    "WARMUP",
    "Composition",
    "ConstantLR",
    "CosineAnnealingLR",
    "Curve",
    "ExponentialLR",
    "Fixed",
    "LinearLR",
    "MultiStepLR",
    "Parameter",
    "PolynomialLR",
    "ScheduleSpec",
    "SchedulerEntry",
    "StepLR",
    "Warmup",
    "curve",
    "label",
    "number",
    "parameters",
    "pytorch_code",
    "sentences",
    "starting",
    "warmup_parameters",
]
