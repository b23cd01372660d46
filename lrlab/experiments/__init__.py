"""What a person asks for: Experiment and its parts, and the catalogues of what can be chosen. No torch."""

from lrlab.experiments.experiment import Experiment
from lrlab.experiments.finder import FINDER_FIELDS, Finder
from lrlab.experiments.groups import group_rates
from lrlab.experiments.optimizers import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
)
from lrlab.experiments.parts import (
    Augment,
    Clip,
    EarlyStopping,
    Group,
    Model,
    ParamGroups,
    Regularization,
    Validation,
)
from lrlab.experiments.presets import EXPERIMENT_PRESETS, ExperimentPreset
from lrlab.experiments.summary import Block, Layer, Summary
from lrlab.experiments.texts_fields import FIELDS, SECTIONS, Section
from lrlab.experiments.texts_models import MODELS, ModelEntry
from lrlab.experiments.texts_optimizers import OPTIMIZERS, OptimizerEntry
from lrlab.experiments.weights import check_weights, weights_path, weights_present
from lrlab.schedules import Parameter as ExperimentField

__all__ = [
    "ASGD",
    "EXPERIMENT_PRESETS",
    "FIELDS",
    "FINDER_FIELDS",
    "MODELS",
    "OPTIMIZERS",
    "SECTIONS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Augment",
    "Block",
    "Clip",
    "EarlyStopping",
    "Experiment",
    "ExperimentField",
    "ExperimentPreset",
    "Finder",
    "Group",
    "Layer",
    "Model",
    "ModelEntry",
    "NAdam",
    "Optimizer",
    "OptimizerEntry",
    "ParamGroups",
    "RAdam",
    "RMSprop",
    "Regularization",
    "Rprop",
    "Section",
    "Summary",
    "Validation",
    "check_weights",
    "group_rates",
    "weights_path",
    "weights_present",
]
