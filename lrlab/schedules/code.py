"""A schedule as PyTorch code that runs as it stands and gives every update the LR of the curve, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from lrlab.errors import LabError
from lrlab.schedules.code_parts import WIDTH, Schedulers, call, literal, wrapped
from lrlab.schedules.composition import Composition
from lrlab.schedules.metric import Logged
from lrlab.schedules.spec import Fixed, ReduceLROnPlateau, Warmup

ARGUMENTS: Mapping[str, str] = MappingProxyType({"SGD": "momentum=0.9", "Adam": "", "AdamW": ""})
"""What each optimiser of torch is given beside its LR."""

INDENT: Mapping[str, str] = MappingProxyType({"step": "        ", "epoch": "    "})
"""Where `scheduler.step()` stands in the loop."""


def pytorch_code(composition: Composition, optimizer: str = "Adam", logged: Sequence[float] | None = None) -> str:
    """A training script with the schedule on `optimizer` ("SGD", "Adam" or "AdamW"), a stand-in for model and images.

    Every update uses the LR of `composition.curve(logged)`, in every parameter group. ReduceLROnPlateau is fed the
    metric it is previewed against: the invented one, or `logged`, the values of the run that is named (without them a
    metric of the stand-in). A warm-up is written out in the loop: torch's SequentialLR cannot mix a rise per update
    with calls per epoch. Raises LabError for another optimiser.
    """
    if optimizer not in ARGUMENTS:
        raise LabError(f"optimizer: got {optimizer!r}, allowed: {', '.join(ARGUMENTS)}", field="optimizer")
    schedule, schedulers = composition.schedule, Schedulers(composition)
    lines = [
        f"lr, epochs, steps_per_epoch = {composition.lr!r}, {composition.epochs}, {composition.steps_per_epoch}",
        "",
        *_optimizer(composition, optimizer),
    ]
    if schedule.warmup:
        lines += _before_building(schedule.warmup)
    if schedulers.functions:
        lines += [*schedulers.functions, "", ""]
    elif schedule.warmup:
        lines.append("")
    lines += schedulers.lines
    if schedule.warmup:
        lines += _after_building()
    lines += ["", *_loop(composition, logged)]
    return "\n".join([*_imports("\n".join(lines), sorted(schedulers.classes)), "", *lines, ""])


def json_code(composition: Composition) -> str:
    """The schedule as a JSON document, indented; `ScheduleSpec.model_validate_json` gives it back.

    It holds what the schedule is, without the LR and the run around it; parameters that are not set are left out.
    """
    values = composition.schedule.model_dump(mode="json", exclude_none=True)
    return json.dumps(values, indent=2) + "\n"


def _imports(body: str, classes: Sequence[str]) -> list[str]:
    lines = ["import math", ""] if "math." in body else []
    if "np." in body:
        lines.append("import numpy as np")
    lines += ["import torch", "from torch import nn"]
    if classes:
        taken = f"from torch.optim.lr_scheduler import {', '.join(classes)}"
        lines += [taken] if len(taken) <= WIDTH else call("from torch.optim.lr_scheduler import ", classes)
    return lines


def _optimizer(composition: Composition, optimizer: str) -> list[str]:
    further = [ARGUMENTS[optimizer]] if ARGUMENTS[optimizer] else []
    if not composition.groups:
        return [
            "model = nn.Linear(8, 2)  # put your model here",
            *call(f"optimizer = torch.optim.{optimizer}", ["model.parameters()", "lr=lr", *further]),
        ]
    last = len(composition.groups) - 1
    layers = [f"nn.Linear(8, {2 if place == last else 8})" for place in range(last + 1)]
    lines = [*call("model = nn.Sequential", layers), f"optimizer = torch.optim.{optimizer}(", "    ["]
    lines[0] += "  # put your model here, a part for each group"
    for place, group in enumerate(composition.groups):
        rate = f"{group.multiplier!r} * lr" if group.multiplier is not None else repr(group.lr)
        lines.append(f'        {{"name": {literal(group.name)}, "params": model[{place}].parameters(), "lr": {rate}}},')
    return [*lines, "    ],", *(f"    {argument}," for argument in ("lr=lr", *further)), ")"]


def _before_building(warmup: Warmup) -> list[str]:
    length = f"{warmup.length} * steps_per_epoch" if warmup.unit == "epoch" else str(warmup.length)
    return [
        "",
        f"warmup, start_factor = {length}, {warmup.start_factor!r}  # updates, factor on the LR of the first one",
        'lrs = [group["lr"] for group in optimizer.param_groups]',
    ]


def _after_building() -> list[str]:
    return [
        'first_lrs = [group["lr"] for group in optimizer.param_groups]  # those with which the scheduler starts',
        "",
        "",
        "def set_lrs(values, factor=1.0):",
        "    for group, value in zip(optimizer.param_groups, values):",
        '        group["lr"] = factor * value',
        "",
    ]


WARMING = """\
if update < warmup:
    set_lrs(lrs, start_factor + (1 - start_factor) * update / warmup)
elif update == warmup:
    set_lrs(first_lrs)
"""
"""The warm-up in the loop. `reading` knows it by these lines."""


def _loop(composition: Composition, logged: Sequence[float] | None) -> list[str]:
    schedule, inner = composition.schedule, INDENT["step"]
    plateau = schedule.scheduler if isinstance(schedule.scheduler, ReduceLROnPlateau) else None
    metric = _metric(composition, plateau, logged) if plateau else ([], [], "")
    before, after, argument = metric
    lines = [*before, "for epoch in range(epochs):", "    for step in range(steps_per_epoch):"]
    if schedule.warmup:
        lines += [f"{inner}{line}" for line in ("update = epoch * steps_per_epoch + step", *WARMING.splitlines())]
    lines += [
        f"{inner}images, labels = torch.randn(32, 8), torch.randint(2, (32,))  # put your batch here",
        f"{inner}loss = nn.functional.cross_entropy(model(images), labels)",
        f"{inner}optimizer.zero_grad()",
        f"{inner}loss.backward()",
        f"{inner}optimizer.step()",
        *after,
    ]
    if isinstance(schedule.scheduler, Fixed):
        return lines
    when = _when(schedule.interval, "the validation" if plateau else "its last update")
    indent, stepping = INDENT[schedule.interval], f"scheduler.step({argument})  # {when}"
    if schedule.warmup:
        return [*lines, f"{indent}if update >= warmup:", f"{indent}    {stepping}"]
    return [*lines, f"{indent}{stepping}"]


def _when(interval: Literal["epoch", "step"], event: str) -> str:
    return "after every update" if interval == "step" else f"once an epoch, after {event}"


def _metric(
    composition: Composition, plateau: ReduceLROnPlateau, logged: Sequence[float] | None
) -> tuple[list[str], list[str], str]:
    """What stands before the loop, what stands at the end of each epoch, and the name of what step() is given."""
    name = "val_loss" if plateau.mode == "min" else "val_accuracy"
    listed = "val_losses" if plateau.mode == "min" else "val_accuracies"
    here = f"  # put your {name.replace('val_', 'validation ')} here"
    if isinstance(composition.metric, Logged):
        if logged is None:
            measured = {
                "val_loss": "nn.functional.cross_entropy(model(images), labels).item()",
                "val_accuracy": "(model(images).argmax(1) == labels).float().mean().item()",
            }
            return [], ["    with torch.no_grad():", f"        {name} = {measured[name]}{here}"], name
        values = [literal(float(value)) for value in logged[: composition.epochs]]
        return [*wrapped(f"{listed} = [", values, "]"), ""], [f"    {name} = {listed}[epoch]{here}"], name
    series = composition.metric
    way = f"{series.floor!r} + ({series.start!r} - {series.floor!r}) * np.exp(-{series.speed!r} * np.arange(epochs))"
    before = [f"{listed} = {way}  # a stand-in, a value for each epoch"]
    if series.noise:
        noise = f"1 + {series.noise!r} * np.random.default_rng({series.seed}).standard_normal(epochs)"
        before.append(f"{listed} = np.maximum({listed} * ({noise}), 0.0)")
    return [*before, ""], [f"    {name} = {listed}[epoch]{here}"], name
