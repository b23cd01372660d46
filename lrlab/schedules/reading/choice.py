"""Which of a script's schedulers is the one that drives the LR, and where its `step()` is called."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from lrlab.errors import from_validation
from lrlab.schedules.conversion import with_interval
from lrlab.schedules.reading.optimizer import Rates
from lrlab.schedules.reading.others import KINDS, Found, found_of
from lrlab.schedules.reading.script import Loop, Script, Step, contained
from lrlab.schedules.reading.text import quoted, refusal
from lrlab.schedules.reading.torchs import SIGNATURES, Findings, scheduler_of, validated
from lrlab.schedules.reading.values import Built, Evaluator
from lrlab.schedules.spec import CosineAnnealingWarmRestarts, Fixed, ReduceLROnPlateau, ScheduleSpec

Interval = Literal["epoch", "step"]

PER_STEP = ("OneCycleLR", "CyclicLR")
"""Schedulers of torch that are meant to be stepped after every update."""

WHERE = {"epoch": "once an epoch", "step": "after every update"}


@dataclass(frozen=True)
class Choice:
    """`spec` is None where something must be asked first. `lr`: where the schedule brings a base LR of its own."""

    spec: ScheduleSpec | None
    lr: float | None = None


def chosen(script: Script, rates: Rates, steps_per_epoch: int, evaluator: Evaluator, findings: Findings) -> Choice:
    """The schedule of `script`. Raises LabError where there is none, or more than one."""
    candidates = _candidates(script, findings)
    if not candidates:
        return Choice(_fixed(script, rates, findings))
    found = _found(candidates, evaluator, findings)
    if found is None:
        return Choice(None)
    steps = _steps(script, candidates)
    interval = _interval(script, candidates, found, steps, findings)
    _traps(script, candidates, steps, findings)
    try:
        spec = ScheduleSpec(interval=interval, scheduler=found.scheduler, warmup=found.warmup or script.warmup)
    except ValidationError as error:
        raise refusal(f"{quoted(candidates[0].node)}: {from_validation(error)}") from error
    if any(_is_fraction(step) for step in steps) and isinstance(found.scheduler, CosineAnnealingWarmRestarts):
        findings.note(
            f"{quoted(steps[0].node)} counts epochs in fractions: T_0={found.scheduler.T_0} epochs became "
            f"{found.scheduler.T_0 * steps_per_epoch} steps, at {steps_per_epoch} steps an epoch."
        )
        spec = with_interval(spec.model_copy(update={"interval": "epoch"}), "step", steps_per_epoch)
    return Choice(spec, found.lr)


def _candidates(script: Script, findings: Findings) -> list[Built]:
    """The schedulers that are in no other one: one, or several that the loop steps one after the other."""
    inner = {id(one) for built in script.schedulers for one in contained(built)}
    free = [built for built in script.schedulers if id(built) not in inner]
    replaced = [built for built in script.replaced if built in free]
    free = [built for built in free if built not in replaced]
    for built in replaced:
        findings.note(f"`{built.variable}` is set more than once; {quoted(built.node)} was left out.")
    stepped = list(dict.fromkeys(step.what for step in script.scheduler_steps if step.what in free))
    named = {step.name for step in script.scheduler_steps if step.what is None}
    stepped = [built for built in stepped if built] or [built for built in free if built.variable in named]
    if stepped:
        if len(stepped) < len(free):
            left = ", ".join(quoted(built.node) for built in free if built not in stepped)
            findings.note(f"{left} is never stepped in the text and was left out.")
        return stepped
    if len(free) > 1:
        listed = " and ".join(quoted(built.node) for built in free[:4])
        raise refusal(
            f"there are {len(free)} schedules in it, {listed}; allowed: one, or the loop that steps them as well"
        )
    return free


def _fixed(script: Script, rates: Rates, findings: Findings) -> ScheduleSpec:
    """The schedule of a script that builds no scheduler."""
    if script.unread:
        raise refusal(
            f"{quoted(script.unread[0])} is not known here, and nothing pasted is executed; allowed: the schedulers of "
            f"torch.optim.lr_scheduler ({', '.join(SIGNATURES)}), Keras's schedules and transformers' get_..._schedule"
        )
    if rates.optimizer is None or rates.lr is None:
        raise refusal(
            "there is no scheduler in it; allowed: torch's schedulers, such as `StepLR(optimizer, step_size=5, "
            "gamma=0.5)`, or Keras's, such as `ExponentialDecay(1e-4, decay_steps=30, decay_rate=0.92)`"
        )
    findings.note("There is no scheduler in the text: the LR stays what the optimiser is given.")
    return ScheduleSpec(scheduler=Fixed(), warmup=script.warmup)


def _found(candidates: Sequence[Built], evaluator: Evaluator, findings: Findings) -> Found | None:
    if len(candidates) == 1 and candidates[0].name in KINDS:
        return found_of(candidates[0], findings)
    for built in candidates:
        if built.name in KINDS:
            raise refusal(f"{quoted(built.node)} is stepped beside another schedule; allowed: one of them")
    made = [scheduler_of(built, evaluator, findings) for built in candidates]
    complete = [scheduler for scheduler in made if scheduler]
    if len(complete) < len(made):
        return None
    if len(complete) == 1:
        return Found(complete[0])
    names = " and ".join(f"`{built.variable}`" for built in candidates)
    findings.note(f"{names} are stepped one after the other; a ChainedScheduler of them does the same.")
    values = {"name": "ChainedScheduler", "schedulers": [scheduler.model_dump() for scheduler in complete]}
    return Found(validated(values, candidates[0].node))


def _steps(script: Script, candidates: Sequence[Built]) -> list[Step]:
    """The calls of `step()` that are theirs, or may be: of a scheduler that a function is given."""
    theirs = [step for step in script.scheduler_steps if step.what in candidates]
    return theirs or [step for step in script.scheduler_steps if step.what is None]


def _interval(
    script: Script, candidates: Sequence[Built], found: Found, steps: Sequence[Step], findings: Findings
) -> Interval:
    built = candidates[0]
    if built.name in KINDS and not built.name.startswith("get_"):
        return found.interval
    told: set[Interval] = {script.intervals[one.order] for one in candidates if one.order in script.intervals}
    told = told or {where for step in steps if (where := _where(step, script))}
    if len(told) > 1:
        raise refusal(f"{quoted(steps[0].node)} is called both in an epoch and at its end; allowed: one of them")
    if told:
        (interval,) = told
    else:
        interval = "step" if built.name in PER_STEP or built.name.startswith("get_") else "epoch"
        findings.note(f"No loop in the text steps it: step() is taken to be called {WHERE[interval]}.")
    if isinstance(found.scheduler, ReduceLROnPlateau) and interval == "step":
        findings.note("ReduceLROnPlateau is stepped within an epoch in the text; here it is stepped at its end.")
        return "epoch"
    return interval


def _where(step: Step, script: Script) -> Interval | None:
    """Whether a call stands in the loop over epochs or in the one over batches; None outside of any loop."""
    if not step.loops:
        return None
    loop = step.loops[-1]
    updates = [update.loops for update in script.optimizer_steps if loop in update.loops]
    if any(loops[-1] is not loop for loops in updates):
        return "epoch"
    if _is_over_epochs(loop):
        return "epoch"
    if len(step.loops) > 1 or updates:
        return "step"
    return "step" if re.search("batch|loader|data", _head(loop)) else "epoch"


def _head(loop: Loop) -> str:
    if isinstance(loop, ast.While):
        return ast.unparse(loop.test).lower()
    return f"{ast.unparse(loop.target)} in {ast.unparse(loop.iter)}".lower()


def _is_over_epochs(loop: Loop) -> bool:
    return bool(re.search(r"epoch\w* in |(?<!per_)epochs?\b(?! in )", _head(loop)))


def _is_fraction(step: Step) -> bool:
    match step.node.args:
        case [ast.BinOp(op=ast.Add(), left=left, right=right)]:
            return any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div) for one in (left, right))
    return False


def _traps(script: Script, candidates: Sequence[Built], steps: Sequence[Step], findings: Findings) -> None:
    """What the text itself does otherwise than its schedule promises."""
    fixed = "there the LR would stay fixed"
    if candidates[0].name in KINDS and not candidates[0].name.startswith("get_"):
        used = any(one is candidates[0] for optimizer in script.optimizers for one in contained(optimizer))
        if script.optimizers and not used and "." not in candidates[0].name:
            findings.note(
                f"{quoted(script.optimizers[-1].node)} is not given the schedule as its LR: {fixed} (here it is used)."
            )
    elif any(step.loops for step in script.optimizer_steps) and not steps:
        findings.note(f"The loop in the text never calls the scheduler's step(): {fixed} (here it is called).")
    for step in steps:
        later = [update for update in script.optimizer_steps if update.loops and update.loops == step.loops]
        if later and all(update.node.lineno > step.node.lineno for update in later):
            findings.note(
                f"{quoted(step.node)} stands before {quoted(later[0].node)}: there the first LR would be skipped."
            )
    if script.set_by_hand and script.warmup is None:
        findings.note(f"The text also sets the LR by hand, which is not read: {quoted(script.set_by_hand[0])}.")
