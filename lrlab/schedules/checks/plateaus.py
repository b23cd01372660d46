"""Checks of ReduceLROnPlateau, on the metric against which it is previewed."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lrlab.schedules import spec as specs
from lrlab.schedules.checks.decays import VANISHED
from lrlab.schedules.checks.model import Found, rule
from lrlab.schedules.checks.situation import Situation, shown
from lrlab.schedules.plateau import Decision
from lrlab.schedules.words import number

SLOW = 0.95
"""From this factor on a cut is hardly one."""

EQUAL = 1 + 1e-9
"""0.1 x 0.1 is a trace above the 0.01 that a person types as min_lr."""

AT_ONCE = 0.1
"""A metric that is best within this first part of the run never gets better the way that `mode` counts."""


@rule("trap")
def plateau_wrong_mode(run: Situation) -> Iterator[Found]:
    """Mode "min" that is fed an accuracy keeps cutting, as mode "max" does that is fed a loss."""
    for scheduler, decisions in _plateaus(run):
        values = [decision.metric for decision in decisions]
        if len(values) < 3 or not all(map(math.isfinite, values)):
            continue
        sign = 1 if scheduler.mode == "min" else -1
        best = min(range(len(values)), key=lambda index: sign * values[index])
        quarter = max(1, len(values) // 4)
        first, last = sum(values[:quarter]) / quarter, sum(values[-quarter:]) / quarter
        if best > AT_ONCE * len(values) or sign * (last - first) <= 0.05 * abs(first):
            continue
        moves, falls, kind = ("rises", "falls", "an accuracy") if sign > 0 else ("falls", "rises", "a loss")
        cuts = sum(decision.cut for decision in decisions)
        other = "max" if sign > 0 else "min"
        yield Found(
            "scheduler.mode",
            f'mode "{scheduler.mode}" waits for a metric that {falls}, but this one {moves} from {number(values[0])} '
            f"to {number(values[-1])}, as {kind} does: {_times(cuts)}.",
            run.set(run.places[0], mode=other),
        )


@rule("trap", "one-call-only")
def plateau_never_cuts(run: Situation) -> Iterator[Found]:
    """The patience is as long as the run: torch cuts on bad epoch patience + 1, and the first epoch is never bad."""
    for scheduler, decisions in _plateaus(run):
        # Decision 0 is better than nothing at all unless it is NaN, so the earliest cut is decision patience + 1; the
        # last decision comes after the last update.
        epochs = len(decisions)
        if scheduler.patience + 1 <= epochs - 2 or not decisions[0].better:
            continue
        shorter = max(0, min(10, epochs // 4 - 1))
        yield Found(
            "scheduler.patience",
            f"patience {scheduler.patience:,} allows the first cut after bad epoch {scheduler.patience + 1:,}, and "
            f"{run.has(run.places[0])}, of which the first is never bad: the LR cannot fall.",
            run.set(run.places[0], patience=shorter) if shorter + 1 <= epochs - 2 else None,
        )


@rule("trap")
def plateau_negative_metric(run: Situation) -> Iterator[Found]:
    """pytorch#47513: a relative threshold on a negative metric can count worse as better."""
    for scheduler, decisions in _plateaus(run):
        if scheduler.threshold_mode != "rel" or not scheduler.threshold:
            continue
        lowest = min((one.metric for one in decisions if not math.isnan(one.metric)), default=0.0)
        if lowest >= 0:
            continue
        wrong = sum(worse for worse in _worse_but_better(scheduler, decisions))
        counted = f", here {wrong:,} {'time' if wrong == 1 else 'times'}" if wrong else ""
        yield Found(
            "scheduler.threshold_mode",
            f'The metric goes down to {number(lowest)}: below 0 threshold_mode "rel" moves the limit the wrong way, so '
            f"that worse can count as better{counted}.",
            run.set(run.places[0], threshold_mode="abs"),
        )


@rule("note")
def plateau_metric_nan(run: Situation) -> Iterator[Found]:
    """A metric of NaN counts as bad, so that it brings the next cut closer."""
    for _, decisions in _plateaus(run):
        count = sum(math.isnan(decision.metric) for decision in decisions)
        if count:
            yield Found(
                "metric",
                f"The metric is NaN in {count:,} of {len(decisions):,} epochs, and each of them counts as a bad one.",
            )


@rule("trap")
def plateau_min_lr_above_lr(run: Situation) -> Iterator[Found]:
    """A min_lr that is not below the LR: torch neither cuts nor raises."""
    for scheduler, _ in _plateaus(run):
        if scheduler.min_lr >= run.composition.lr:
            yield Found(
                "scheduler.min_lr",
                f"min_lr {number(scheduler.min_lr)} is not below the LR {number(run.composition.lr)}: no cut can have "
                "an effect.",
                run.set(run.places[0], min_lr=0.0),
            )


@rule("trap", "plateau-min-lr-above-lr")
def plateau_cut_ignored(run: Situation) -> Iterator[Found]:
    """A change of the LR that is not larger than eps (1e-8) is ignored, here that of the first cut."""
    for scheduler, _ in _plateaus(run):
        lr = run.composition.lr
        taken = lr - max(lr * scheduler.factor, scheduler.min_lr)
        if taken <= scheduler.eps:
            yield Found(
                "scheduler.eps",
                f"A cut takes {number(taken)} off the LR {number(lr)}, and torch ignores changes up to eps "
                f"{number(scheduler.eps)}: no cut can have an effect.",
                run.set(run.places[0], eps=0.0),
            )


@rule("note", "plateau-min-lr-above-lr", "plateau-cut-ignored", "plateau-wrong-mode")
def plateau_cuts_end(run: Situation) -> Iterator[Found]:
    """The same once the LR has come down: eps is the least that it can fall by."""
    for scheduler, decisions in _plateaus(run):
        ignored = [one for one in decisions if _ignored(scheduler, one)]
        if ignored and ignored[0].before > VANISHED * run.composition.lr:
            yield Found(
                "scheduler.eps",
                f"From {number(ignored[0].before)} on torch ignores the cuts, {len(ignored):,} in this run: they take "
                f"no more than eps {number(scheduler.eps)} off the LR.",
            )


@rule("note", "plateau-min-lr-above-lr", "plateau-wrong-mode")
def plateau_min_lr_reached(run: Situation) -> Iterator[Found]:
    """From min_lr on further cuts change nothing."""
    for scheduler, decisions in _plateaus(run):
        low = scheduler.min_lr
        idle = [index for index, one in enumerate(decisions) if one.cut and one.before <= low * EQUAL]
        if low and idle:
            assert run.curve is not None
            epoch = run.curve.first_decision + idle[0]
            yield Found(
                "scheduler.min_lr",
                f"The LR has reached min_lr {number(low)}: from epoch {epoch:,} on {len(idle):,} "
                f"{'cut has' if len(idle) == 1 else 'cuts have'} no effect.",
            )


@rule("note")
def plateau_hardly_cuts(run: Situation) -> Iterator[Found]:
    """A factor close to 1: what looks like a plateau schedule is nearly a fixed LR."""
    for scheduler, decisions in _plateaus(run):
        if scheduler.factor >= SLOW:
            assert run.curve is not None
            cuts = sum(decision.cut for decision in decisions)
            left = 100 * float(run.curve.lr[-1]) / run.composition.lr
            yield Found(
                "scheduler.factor",
                f"factor {shown(scheduler.factor)} is close to 1: after {cuts:,} {'cut' if cuts == 1 else 'cuts'} in "
                f"this run {left:.3g} % of the LR are left at the end.",
                run.set(run.places[0], factor=0.5),
            )


def _plateaus(run: Situation) -> Iterator[tuple[specs.ReduceLROnPlateau, tuple[Decision, ...]]]:
    """The plateau scheduler and what it decided, where there is one: it stands alone."""
    if run.curve is not None and run.curve.decisions and isinstance(run.schedule.scheduler, specs.ReduceLROnPlateau):
        yield run.schedule.scheduler, run.curve.decisions


def _times(cuts: int) -> str:
    if not cuts:
        return "every epoch but the first counts as bad"
    return f"it cuts the LR {cuts:,} {'time' if cuts == 1 else 'times'}"


def _ignored(scheduler: specs.ReduceLROnPlateau, decision: Decision) -> bool:
    """Whether eps alone kept the LR where it was."""
    lower = max(decision.before * scheduler.factor, scheduler.min_lr)
    return decision.cut and decision.after == decision.before and lower * EQUAL < decision.before


def _worse_but_better(scheduler: specs.ReduceLROnPlateau, decisions: tuple[Decision, ...]) -> Iterator[bool]:
    """Of each decision, whether a metric counted as better that was worse than the best one before it."""
    best = math.inf if scheduler.mode == "min" else -math.inf
    for decision in decisions:
        if decision.better:
            yield decision.metric > best if scheduler.mode == "min" else decision.metric < best
            best = decision.metric


RULES = (
    plateau_wrong_mode,
    plateau_never_cuts,
    plateau_negative_metric,
    plateau_metric_nan,
    plateau_min_lr_above_lr,
    plateau_cut_ignored,
    plateau_cuts_end,
    plateau_min_lr_reached,
    plateau_hardly_cuts,
)
