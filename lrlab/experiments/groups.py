"""The parameter groups that an Experiment asks for: their names and their LRs. Which parameters are in them is told in
the training room."""

from __future__ import annotations

from lrlab.experiments.experiment import Experiment
from lrlab.experiments.texts_models import MODELS

HEAD, BACKBONE, REST = "head", "backbone", "rest"


def group_rates(experiment: Experiment) -> list[tuple[str, float]]:
    """Name and base LR of each parameter group, in the optimiser's order; the schedule moves all of them in proportion.

    A single group has the name "". With groups by pattern the last one, "rest", is left out of the optimiser where the
    patterns leave no parameter for it.
    """
    groups, lr = experiment.param_groups, experiment.optimizer.lr
    if groups.by == "head":
        return [(BACKBONE, groups.multiplier * lr), (HEAD, lr)]
    if groups.by == "depth":
        stages = MODELS[experiment.model.name].stages
        below = [(f"stage{number}", groups.decay ** (stages + 1 - number) * lr) for number in range(1, stages + 1)]
        return [*below, (HEAD, lr)]
    if groups.by == "pattern":
        own = [
            (group.name, group.lr if group.lr is not None else (group.multiplier or 1) * lr) for group in groups.groups
        ]
        return [*own, (REST, lr)]
    return [("", lr)]
