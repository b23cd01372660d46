"""A schedule as PyTorch code that runs as it stands and gives every update the LR of the curve."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lrlab.errors import LabError
from lrlab.schedules.spec import Fixed, ScheduleSpec, Warmup

ARGUMENTS: Mapping[str, str] = MappingProxyType({"SGD": ", momentum=0.9", "Adam": "", "AdamW": ""})
"""What each optimiser of torch is given beside its LR."""


def pytorch_code(spec: ScheduleSpec, lr: float, epochs: int, steps_per_epoch: int, optimizer: str = "Adam") -> str:
    """A training script with `spec` on `optimizer` ("SGD", "Adam" or "AdamW"), a stand-in for model and images.

    A warm-up is written out in the loop: torch's SequentialLR cannot mix a rise per update with calls per epoch.
    Raises LabError for another optimiser.
    """
    if optimizer not in ARGUMENTS:
        raise LabError(f"optimizer: got {optimizer!r}, allowed: {', '.join(ARGUMENTS)}", field="optimizer")
    scheduled = not isinstance(spec.scheduler, Fixed)
    lines = ["import torch", "from torch import nn"]
    if scheduled:
        lines.append(f"from torch.optim.lr_scheduler import {spec.scheduler.name}")
    lines += [
        "",
        f"lr, epochs, steps_per_epoch = {lr!r}, {epochs}, {steps_per_epoch}",
        "",
        "model = nn.Linear(8, 2)  # put your model here",
        f"optimizer = torch.optim.{optimizer}(model.parameters(), lr=lr{ARGUMENTS[optimizer]})",
    ]
    if scheduled:
        values = spec.scheduler.model_dump(exclude={"name"})
        given = "".join(f", {name}={_literal(value)}" for name, value in values.items())
        lines.append(f"scheduler = {spec.scheduler.name}(optimizer{given})")
    if spec.warmup:
        lines += _warmup_setup(spec.warmup)
    lines += ["", *_loop(spec, scheduled)]
    return "\n".join(lines) + "\n"


def _warmup_setup(warmup: Warmup) -> list[str]:
    length = str(warmup.length)
    if warmup.unit == "epoch":
        length += " * steps_per_epoch"
    return [
        "",
        f"warmup, start_factor = {length}, {warmup.start_factor!r}  # updates, factor on the LR of the first one",
        'first_lr = optimizer.param_groups[0]["lr"]  # the LR with which the scheduler starts after the warm-up',
        "",
        "",
        "def set_lr(value):",
        "    for group in optimizer.param_groups:",
        '        group["lr"] = value',
        "",
    ]


def _loop(spec: ScheduleSpec, scheduled: bool) -> list[str]:
    lines = ["for epoch in range(epochs):", "    for step in range(steps_per_epoch):"]
    if spec.warmup:
        lines += [
            "        update = epoch * steps_per_epoch + step",
            "        if update < warmup:",
            "            set_lr(lr * (start_factor + (1 - start_factor) * update / warmup))",
            "        elif update == warmup:",
            "            set_lr(first_lr)",
        ]
    lines += [
        "        images, labels = torch.randn(32, 8), torch.randint(2, (32,))  # put your batch here",
        "        loss = nn.functional.cross_entropy(model(images), labels)",
        "        optimizer.zero_grad()",
        "        loss.backward()",
        "        optimizer.step()",
    ]
    if scheduled:
        indent = "        " if spec.interval == "step" else "    "
        if spec.warmup:
            lines += [f"{indent}if update >= warmup:", f"{indent}    scheduler.step()"]
        else:
            lines.append(f"{indent}scheduler.step()")
    return lines


def _literal(value: object) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)
