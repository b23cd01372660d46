"""What the LR does: specs, closed-form curves, words, code. No torch, no Streamlit."""

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
from lrlab.schedules.words import label, number

__all__ = [
    "LR_CAP",
    "ConstantLR",
    "CosineAnnealingLR",
    "Curve",
    "ExponentialLR",
    "Fixed",
    "LinearLR",
    "MultiStepLR",
    "PolynomialLR",
    "ScheduleSpec",
    "StepLR",
    "Warmup",
    "curve",
    "label",
    "number",
]
