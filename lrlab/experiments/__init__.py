"""What a person asks for: Experiment and its parts, and the catalogues of what can be chosen. No torch."""

from lrlab.experiments.catalogue import FIELDS, MODELS, OPTIMIZERS, ExperimentField, ModelEntry, OptimizerEntry
from lrlab.experiments.experiment import SGD, Adam, AdamW, Experiment, Model, Optimizer, Validation

__all__ = [
    "FIELDS",
    "MODELS",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Experiment",
    "ExperimentField",
    "Model",
    "ModelEntry",
    "Optimizer",
    "OptimizerEntry",
    "Validation",
]
