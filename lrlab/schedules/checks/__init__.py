"""Checks before training: what a composition does that hardly anybody wants, where it is set, and what would repair it.

`check` is asked at every movement of a control. Each check is a function of the `Situation` that says in its first
lines which trap it is about; `RULES` are all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from lrlab.errors import LabError
from lrlab.schedules.checks import (
    chains,
    cosines,
    counting,
    cycles,
    decays,
    formulas,
    nests,
    plateaus,
    refused,
    sequences,
    warmups,
    whole,
)
from lrlab.schedules.checks.model import Check, Found, Repair, Rule, Severity
from lrlab.schedules.checks.situation import Situation
from lrlab.schedules.composition import Composition
from lrlab.schedules.curve import Curve
from lrlab.schedules.spec import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    Fixed,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    ReduceLROnPlateau,
    Scheduler,
    StepLR,
)

__all__ = ["MAX_CHECKS", "RULES", "Check", "Repair", "Rule", "Severity", "check"]

MAX_CHECKS = 8
"""More than these nobody reads; the first ones repaired, others may take their place."""

_PLAIN = (
    Fixed,
    StepLR,
    MultiStepLR,
    ExponentialLR,
    ConstantLR,
    LinearLR,
    PolynomialLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ReduceLROnPlateau,
)

MAX_ALIKE = 2
"""So often one check is shown, where many schedulers of a nest have the same fault."""

_REFUSALS = refused.RULES
_TRAPS = (
    *counting.RULES,
    *warmups.RULES,
    *nests.RULES,
    *sequences.RULES,
    *chains.RULES,
    *decays.RULES,
    *cosines.RULES,
    *cycles.RULES,
    *plateaus.RULES,
    *formulas.RULES,
    *whole.RULES,
)
RULES: tuple[Rule, ...] = (*_REFUSALS, *_TRAPS)
"""Every check there is, in the order in which those of one severity are told."""


def check(composition: Composition, curve: Curve | None = None, logged: Sequence[float] | None = None) -> list[Check]:
    """What a person should know before training `composition`: refused first, then traps, then notes; at most 8.

    `curve`: that of the base LR where it is known already; computed where it is not. `logged`: the values of the run
    that a `Logged` metric names. Where several checks share a cause, only the most precise one is told. Never raises:
    what torch or the curve refuses is the only check then.
    """
    try:
        run = Situation(composition, curve if curve is not None else composition.curve(logged), logged)
    except LabError as error:
        run = Situation(composition, None, logged, error)
    found = [(rule, fault) for rule in (_TRAPS if run.refusal is None else _REFUSALS) for fault in rule.search(run)]
    told: list[tuple[Rule, Found]] = []
    for severity in ("refused", "trap", "note"):
        for rule, fault in found:
            alike = sum(rule is other for other, _ in told)
            if rule.severity == severity and alike < MAX_ALIKE and not _silenced(rule, fault, found):
                told.append((rule, fault))
    return [
        Check(rule.name, fault.path, fault.sentence, _sound(run, fault.repair), rule.severity)
        for rule, fault in told[:MAX_CHECKS]
    ]


def _silenced(rule: Rule, fault: Found, found: list[tuple[Rule, Found]]) -> bool:
    """Whether a more precise check is about the same setting or scheduler, or about one around it or in it."""
    for other, cause in found:
        if other.name in rule.unless:
            depth = min(len(cause.way), len(fault.way))
            if cause.path == fault.path or cause.way[:depth] == fault.way[:depth]:
                return True
    return False


def _sound(run: Situation, repair: Repair | None) -> Repair | None:
    """The repair, validated as any input: one that would leave what a schedule allows, or that would lose the curve
    where there is one, is not offered."""
    if repair is None:
        return None
    try:
        composition = Composition.model_validate(repair.composition.model_dump())
    except ValidationError:
        return None
    if run.curve is not None and not _plain(composition.schedule.scheduler) and not run.drawable(composition):
        return None
    return Repair(repair.label, composition)


def _plain(scheduler: Scheduler) -> bool:
    """Whether nothing that a repair sets could make torch raise or the LR explode: most schedulers alone."""
    return isinstance(scheduler, _PLAIN) and getattr(scheduler, "gamma", 1.0) <= 1
