"""A model's parameters divided into groups with LRs of their own, as an Experiment asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from lrlab.errors import LabError
from lrlab.experiments import Experiment, Group, group_rates
from lrlab.training.models import NETWORKS, within


def parameter_groups(experiment: Experiment, model: nn.Module) -> list[dict[str, Any]]:
    """The groups of `model`, the network of `experiment`, as torch's optimisers take them: "params", "lr" and
    "group_name" of each, in the order of `group_rates`; "group_name" is missing where there is a single one.

    Every parameter that learns is in exactly one; frozen ones are in none. LabError (field "param_groups.groups") where
    a pattern finds no parameter.
    """
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    rates = group_rates(experiment)
    by = experiment.param_groups.by
    if by == "none":
        return [{"params": list(learning.values()), "lr": rates[0][1]}]
    if by == "pattern":
        places = _by_pattern(experiment.param_groups.groups, learning)
    else:
        network = NETWORKS[experiment.model.name]
        stages = network.stages(model)
        backbone = stages if by == "depth" else [[prefix for stage in stages for prefix in stage]]
        places = _by_prefix([*backbone, network.head], list(learning))
    members: list[list[nn.Parameter]] = [[] for _ in rates]
    for name, parameter in learning.items():
        members[places[name]].append(parameter)
    return [
        {"params": params, "lr": lr, "group_name": name}
        for (name, lr), params in zip(rates, members, strict=True)
        if params
    ]


def _by_prefix(groups: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, int]:
    """Each name's place among `groups` of prefixes."""
    return {name: next(place for place, prefixes in enumerate(groups) if within(name, prefixes)) for name in names}


def _by_pattern(groups: Sequence[Group], names: Sequence[str] | dict[str, nn.Parameter]) -> dict[str, int]:
    """Each name's place: of the first group whose pattern fits, after the last where none does."""
    places: dict[str, int] = {}
    for place, group in enumerate(groups):
        fitting = [name for name in names if fnmatchcase(name, group.pattern)]
        left = [name for name in fitting if name not in places]
        if not left:
            raise LabError(_nothing(group, fitting, list(names)), "param_groups.groups")
        places |= dict.fromkeys(left, place)
    return {name: places.get(name, len(groups)) for name in names}


def _nothing(group: Group, fitting: Sequence[str], names: Sequence[str]) -> str:
    got = f"param_groups.groups: group {group.name}, got the pattern {group.pattern!r}"
    if fitting:
        return f"{got}, but groups before it take all that it fits; allowed: a pattern that fits another parameter"
    examples = ", ".join(dict.fromkeys((names[0], names[len(names) // 2], names[-1])))
    return f"{got}, which fits no parameter that learns; they are called {examples} and so on"
