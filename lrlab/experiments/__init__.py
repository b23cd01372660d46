"""What a person asks for: Experiment and its parts, and the catalogues of what can be chosen. No torch."""

from lrlab.experiments.experiment import SGD, Adam, AdamW, Experiment, Model, Optimizer, Validation

__all__ = ["SGD", "Adam", "AdamW", "Experiment", "Model", "Optimizer", "Validation"]
