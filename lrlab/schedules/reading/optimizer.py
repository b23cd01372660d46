"""The LRs of the optimiser in a pasted script: the base LR, and the parameter groups where they are listed."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lrlab.errors import from_validation
from lrlab.schedules.composition import MAX_GROUPS, ParameterGroup
from lrlab.schedules.reading.script import OPTIMIZERS, Script
from lrlab.schedules.reading.text import quoted, refusal
from lrlab.schedules.reading.torchs import Findings, shortest
from lrlab.schedules.reading.values import Built, Unknown, is_number
from lrlab.schedules.values import (
    LR_CAP,
)


@dataclass(frozen=True)
class Rates:
    """`lr`: the base LR; None where the text does not say it. `groups`: empty where there is only one."""

    optimizer: Built | None = None
    lr: float | None = None
    groups: tuple[ParameterGroup, ...] = ()


def rates_of(script: Script, findings: Findings) -> Rates:
    """The LRs of the optimiser that the schedulers of `script` are built on, or else of its last one.

    Sets `findings.shares`. Raises LabError for an LR or a list of groups that is not legal.
    """
    optimizer = _optimizer(script)
    if optimizer is None:
        return Rates()
    given = optimizer.keywords.get("lr", optimizer.keywords.get("learning_rate"))
    if given is None and len(optimizer.positional) > 1:
        given = optimizer.positional[1]
    if given is None and "keras" in optimizer.module and optimizer.positional:
        given = optimizer.positional[0]
    groups = optimizer.positional[0] if optimizer.positional else optimizer.keywords.get("params")
    lr = _base(optimizer, given, findings)
    if not (isinstance(groups, list) and groups and all(isinstance(group, dict) for group in groups)):
        return Rates(optimizer, lr)
    if lr is None:
        lr = _greatest(groups, optimizer)
    made = _groups(optimizer, groups, lr)
    findings.shares = [group.rate(lr) / lr for group in made] if lr else []
    if len(made) == 1:  # one group is all there is
        return Rates(optimizer, made[0].rate(lr or 1.0))
    return Rates(optimizer, lr, made)


def _optimizer(script: Script) -> Built | None:
    for scheduler in reversed(script.schedulers):
        values = [*scheduler.positional, *scheduler.keywords.values()]
        for value in values:
            if isinstance(value, Built) and value in script.optimizers:
                return value
    return script.optimizers[-1] if script.optimizers else None


def _base(optimizer: Built, given: Any, findings: Findings) -> float | None:
    if is_number(given):
        return _legal(optimizer, given)
    if given is None and "keras" not in optimizer.module and not _lists_groups(optimizer):
        findings.note(f"{optimizer.name} is given no LR; torch then takes {OPTIMIZERS[optimizer.name]}.")
        return OPTIMIZERS[optimizer.name]
    if isinstance(given, Unknown):
        names = " and ".join(map(quoted, given.names))
        findings.note(f"The LR of {optimizer.name} is {names}, which is not in the text; the base LR stays as it is.")
    return None


def _lists_groups(optimizer: Built) -> bool:
    groups = optimizer.positional[0] if optimizer.positional else optimizer.keywords.get("params")
    return isinstance(groups, list) and all(isinstance(group, dict) and "lr" in group for group in groups)


def _greatest(groups: Sequence[dict[str, Any]], optimizer: Built) -> float | None:
    """The base LR where every group has one of its own."""
    own = [rate for group in groups if is_number(rate := group.get("lr"))]
    return _legal(optimizer, max(own)) if len(own) == len(groups) else None


def _groups(optimizer: Built, groups: Sequence[dict[str, Any]], lr: float | None) -> tuple[ParameterGroup, ...]:
    if len(groups) > MAX_GROUPS:
        raise refusal(f"{quoted(optimizer.node)}: got {len(groups)} parameter groups, allowed: at most {MAX_GROUPS}")
    nodes = _nodes(optimizer, len(groups))
    names: list[str] = []
    made = []
    for place, (group, node) in enumerate(zip(groups, nodes, strict=True)):
        names.append(_name(group, place, names))
        own = group.get("lr")
        if own is None:
            made.append(ParameterGroup(name=names[-1], multiplier=1.0))
            continue
        if not is_number(own):
            raise refusal(
                f"{quoted(optimizer.node)}: the LR of group {names[-1]!r} is not in the text; allowed: numbers, such "
                'as {"params": ..., "lr": 1e-4}'
            )
        multiplier = shortest(own / lr) if lr and node is not None and _of_the_base(node, optimizer) else None
        try:
            made.append(ParameterGroup(name=names[-1], lr=None if multiplier else own, multiplier=multiplier))
        except ValidationError as error:
            raise refusal(f"{quoted(optimizer.node)}: group {names[-1]!r}: {from_validation(error)}") from error
    return tuple(made)


def _nodes(optimizer: Built, length: int) -> list[ast.expr | None]:
    """What stands for each group's LR, where the groups are listed in the call itself."""
    listed = optimizer.node.args[0] if optimizer.node.args else None
    if not isinstance(listed, ast.List) or len(listed.elts) != length:
        return [None] * length
    found: list[ast.expr | None] = []
    for group in listed.elts:
        pairs = zip(group.keys, group.values, strict=True) if isinstance(group, ast.Dict) else ()
        found.append(next((value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "lr"), None))
    return found


def _of_the_base(node: ast.expr, optimizer: Built) -> bool:
    """Whether `node` is a product or quotient of the name that the optimiser is given as its LR."""
    base = next((one.value for one in optimizer.node.keywords if one.arg == "lr"), None)
    if not isinstance(base, ast.Name) or not isinstance(node, ast.BinOp):
        return False
    return any(isinstance(part, ast.Name) and part.id == base.id for part in ast.walk(node))


def _name(group: dict[str, Any], place: int, taken: Sequence[str]) -> str:
    name = group.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 60:
        params = group.get("params")
        name = params.names[0].removesuffix(".parameters()") if isinstance(params, Unknown) else f"group {place}"
        name = name if len(name) <= 50 else f"group {place}"
    return name if name not in taken else f"{name} {place}"


def _legal(optimizer: Built, lr: float) -> float:
    if not 0 < lr <= LR_CAP:
        raise refusal(f"{quoted(optimizer.node)}: lr: got {lr}, allowed: above 0 and at most {LR_CAP:g}")
    return float(lr)
