"""What the LR does: specs, closed-form curves, words, code. No torch, no Streamlit."""

from lrlab.schedules.ahead import ahead, ahead_of_plateau
from lrlab.schedules.beyond import last_call
from lrlab.schedules.catalogue import (
    CATALOGUE,
    EPOCHS,
    FORMS,
    GROUP,
    GROUPS,
    INTERVAL,
    LR,
    RUN,
    STEPS_PER_EPOCH,
    SYNTHETIC,
    TABLE,
    WARMUP,
    Form,
    Parameter,
    SchedulerEntry,
    form_of,
    parameters,
    starting,
    warmup_parameters,
)
from lrlab.schedules.checks import Check, Repair, check
from lrlab.schedules.code import json_code, pytorch_code
from lrlab.schedules.composition import Composition, ParameterGroup
from lrlab.schedules.curve import MAX_UPDATES, Curve, calls_of, curve, setting_of, warmup_updates
from lrlab.schedules.keras import keras_code
from lrlab.schedules.leaves import Setting, lambda_values
from lrlab.schedules.lengths import equivalents, in_calls
from lrlab.schedules.measures import Measures, measures
from lrlab.schedules.metric import Logged, Synthetic, example_metrics
from lrlab.schedules.plateau import Decision, Plateau, replay
from lrlab.schedules.preset import Preset
from lrlab.schedules.presets import PRESETS
from lrlab.schedules.reading import Question, Reading, read_code
from lrlab.schedules.recipe import Recipe
from lrlab.schedules.recipes import RECIPES
from lrlab.schedules.scaling import with_peak
from lrlab.schedules.sharing import from_link, to_link
from lrlab.schedules.spec import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    Fixed,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    Scheduler,
    ScheduleSpec,
    SequentialLR,
    StepLR,
    Warmup,
    walk,
)
from lrlab.schedules.table import Table
from lrlab.schedules.values import (
    LR_CAP,
)
from lrlab.schedules.words import label, number, sentences

__all__ = [
    "CATALOGUE",
    "EPOCHS",
    "FORMS",
    "GROUP",
    "GROUPS",
    "INTERVAL",
    "LR",
    "LR_CAP",
    "MAX_UPDATES",
    "PRESETS",
    "RECIPES",
    "RUN",
    "STEPS_PER_EPOCH",
    "SYNTHETIC",
    "TABLE",
    "WARMUP",
    "ChainedScheduler",
    "Check",
    "Composition",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "Curve",
    "CyclicLR",
    "Decision",
    "ExponentialLR",
    "Fixed",
    "Form",
    "LambdaLR",
    "LinearLR",
    "Logged",
    "Measures",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "Parameter",
    "ParameterGroup",
    "Plateau",
    "PolynomialLR",
    "Preset",
    "Question",
    "Reading",
    "Recipe",
    "ReduceLROnPlateau",
    "Repair",
    "ScheduleSpec",
    "Scheduler",
    "SchedulerEntry",
    "SequentialLR",
    "Setting",
    "StepLR",
    "Synthetic",
    "Table",
    "Warmup",
    "ahead",
    "ahead_of_plateau",
    "calls_of",
    "check",
    "curve",
    "equivalents",
    "example_metrics",
    "form_of",
    "from_link",
    "in_calls",
    "json_code",
    "keras_code",
    "label",
    "lambda_values",
    "last_call",
    "measures",
    "number",
    "parameters",
    "pytorch_code",
    "read_code",
    "replay",
    "sentences",
    "setting_of",
    "starting",
    "to_link",
    "walk",
    "warmup_parameters",
    "warmup_updates",
    "with_peak",
]
