"""Checks of the schedulers that make the LR fall or hold it: lengths that do not suit the run, factors that vanish."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lrlab.schedules import spec as specs
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Place, Situation, near_one, nice, shown
from lrlab.schedules.words import number

COUNTING = ("one-call-only", "steps-counted-as-epochs", "epochs-counted-as-steps")
"""The whole schedule counts in the wrong unit: no length in it says anything then."""

VANISHED = 1e-6
"""Below this share of the LR nothing to speak of is learnt."""

LEFT = 0.04
"""What the repairs of a vanishing decay leave of the LR at the end."""


@rule("trap", *COUNTING)
def step_never_decays(run: Situation) -> Iterator[Found]:
    """StepLR with a step_size of at least the run's calls is a fixed LR under another name."""
    for place in run.active(specs.StepLR):
        size = place.scheduler.step_size
        if size >= place.calls and place.scheduler.gamma != 1:
            shorter = max(1, place.calls // 4)
            yield Found(
                place.at("step_size"),
                f"StepLR waits {run.length(size)} for its first drop and {run.has(place)}, so the LR never decays.",
                run.set(place, step_size=shorter) if shorter < place.calls else None,
                place.way,
            )


@rule("trap", *COUNTING)
def milestones_never_reached(run: Situation) -> Iterator[Found]:
    """The same for MultiStepLR: all milestones lie beyond the run."""
    for place in run.active(specs.MultiStepLR):
        milestones = place.scheduler.milestones
        if milestones[0] >= place.calls and place.scheduler.gamma != 1:
            scaled = tuple(sorted({max(1, round(m * 0.75 * place.calls / milestones[-1])) for m in milestones}))
            yield Found(
                place.at("milestones"),
                f"The first milestone is {milestones[0]:,} and {run.has(place)}, so MultiStepLR never makes a drop.",
                run.set(place, milestones=scaled) if scaled[0] < place.calls else None,
                place.way,
            )


@rule("note", *COUNTING, "milestones-never-reached")
def milestone_beyond_run(run: Situation) -> Iterator[Found]:
    """Some milestones of MultiStepLR lie beyond the run."""
    for place in run.active(specs.MultiStepLR):
        milestones = place.scheduler.milestones
        within = tuple(m for m in milestones if m < place.calls)
        beyond = milestones[len(within) :]
        if within and beyond:
            yield Found(
                place.at("milestones"),
                f"{run.has(place).capitalize()}: of {len(milestones)} milestones "
                f"{_listed(beyond)} {'is' if len(beyond) == 1 else 'are'} never reached.",
                run.set(place, milestones=within),
                place.way,
            )


@rule("note")
def milestone_twice(run: Situation) -> Iterator[Found]:
    """torch counts a milestone that is given twice twice, so that the LR drops by gamma squared."""
    for place in run.active(specs.MultiStepLR):
        gamma, times = place.scheduler.gamma, Counter(place.scheduler.milestones)
        milestone, count = times.most_common(1)[0]
        if count > 1 and milestone < place.calls and gamma < 1:
            once = run.set(place, milestones=tuple(sorted(times)))
            yield Found(
                place.at("milestones"),
                f"Milestone {milestone:,} is given {count} times: the LR is multiplied there by gamma to the power "
                f"{count}, {number(gamma**count)}, at once.",
                once,
                place.way,
            )


@rule("trap", "milestone-twice")
def milestone_at_start(run: Situation) -> Iterator[Found]:
    """MultiStepLR applies a milestone at 0 when it is built: the first update has the lower LR already."""
    for place in run.active(specs.MultiStepLR):
        milestones, gamma = place.scheduler.milestones, place.scheduler.gamma
        if milestones[0] == 0 and gamma != 1:
            later = tuple(m for m in milestones if m > 0)
            yield Found(
                place.at("milestones"),
                f"A milestone at 0 multiplies the LR before the first update: MultiStepLR starts at "
                f"{number(gamma)} x the LR and the LR itself is never used.",
                run.set(place, milestones=later) if later else None,
                place.way,
            )


@rule("note")
def gamma_changes_nothing(run: Situation) -> Iterator[Found]:
    """A gamma of 1 multiplies the LR by 1."""
    for place in _with_gamma(run):
        if place.scheduler.gamma == 1:
            gamma = 0.1
            if isinstance(place.scheduler, specs.ExponentialLR):
                gamma = near_one(LEFT ** (1 / place.calls))
            yield Found(
                place.at("gamma"),
                f"gamma is 1: {place.scheduler.name} changes nothing.",
                run.set(place, gamma=gamma),
                place.way,
            )


@rule("note")
def gamma_raises(run: Situation) -> Iterator[Found]:
    """A gamma above 1 makes a decay a rise."""
    for place in _with_gamma(run):
        gamma = place.scheduler.gamma
        if gamma > 1:
            rises = not place.chained and run.final(place) > run.lr(place.start)
            reaches = f", here to {number(run.final(place))}" if rises else ""
            yield Found(
                place.at("gamma"),
                f"gamma {shown(gamma)} is above 1: {place.scheduler.name} raises the LR at every "
                f"{'call' if isinstance(place.scheduler, specs.ExponentialLR) else 'drop'}{reaches}.",
                run.set(place, gamma=near_one(1 / gamma)),
                place.way,
            )


@rule("trap", "chained-discards", "chained-lasts-one-call")
def exponential_vanishes(run: Situation) -> Iterator[Found]:
    """A gamma meant for each epoch is applied at each step (or the run is far longer): nothing of the LR is left."""
    for place in run.active(specs.ExponentialLR):
        gamma = place.scheduler.gamma
        if not 0 < gamma < 1:
            continue
        gone = math.ceil(math.log(VANISHED) / math.log(gamma))
        if gone > 0.9 * place.calls:
            continue
        share = 100 * (1 - gone / place.calls)
        slower, meant = near_one(LEFT ** (1 / place.calls)), ""
        if run.unit == "step":
            per_step = near_one(gamma ** (1 / run.composition.steps_per_epoch))
            if 1 > per_step > VANISHED ** (1 / place.calls):
                slower, meant = per_step, f" ({shown(gamma)} per epoch)"
        repair = run.set(place, gamma=slower)
        yield Found(
            place.at("gamma"),
            f"{shown(gamma)} at every {run.unit} leaves less than a millionth of the LR after {run.length(gone)}, so "
            f"{share:.0f} % of {'the run' if place.whole and not place.start else 'its phase'} learn next to nothing.",
            Repair(repair.label + meant, repair.composition),
            place.way,
        )


@rule("trap")
def exponential_hardly_moves(run: Situation) -> Iterator[Found]:
    """A gamma meant for each step is applied once an epoch (Keras counts steps; the wrong interval)."""
    steps = run.composition.steps_per_epoch
    if run.unit == "step" or steps == 1:
        return
    for place in run.active(specs.ExponentialLR):
        gamma = place.scheduler.gamma
        if not 0.9 < gamma < 1:
            continue
        kept, meant = gamma ** (place.calls - 1), gamma ** (min(place.calls * steps, run.left) - 1)
        if place.calls > 1 and kept > 0.95 and 1 - meant > 5 * (1 - kept) and meant < 0.9:
            repair = run.set(place, gamma=nice(gamma**steps))
            if not place.way:
                repair = Repair("Count steps", run.scheduled(interval="step"))
            yield Found(
                place.at("gamma"),
                f"{shown(gamma)} once an epoch leaves {100 * kept:.1f} % of the LR at the end; at every step it would "
                f"leave {100 * meant:.1f} %.",
                repair,
                place.way,
            )


@rule("trap")
def total_iters_zero(run: Situation) -> Iterator[Found]:
    """With total_iters 0 torch never takes LinearLR's or ConstantLR's factor back, and PolynomialLR does nothing."""
    for place in run.active(specs.LinearLR, specs.ConstantLR, specs.PolynomialLR):
        scheduler = place.scheduler
        if scheduler.total_iters:
            continue
        share = 1.0
        if isinstance(scheduler, specs.PolynomialLR):
            what = "PolynomialLR never changes the LR"
        else:
            factor = scheduler.start_factor if isinstance(scheduler, specs.LinearLR) else scheduler.factor
            if factor == 1 and getattr(scheduler, "end_factor", 1.0) == 1:
                continue
            share = 0.25 if isinstance(scheduler, specs.ConstantLR) else 1.0 if is_falling(scheduler) else 0.15
            held = "" if place.chained else f", at {number(run.lr(place.start))}"
            what = f"{scheduler.name} keeps the LR where it starts{held}, and never moves it"
        length = max(1, round(share * place.calls))
        yield Found(
            place.at("total_iters"), f"total_iters is 0: {what}.", run.set(place, total_iters=length), place.way
        )


@rule("note", *COUNTING, "eta-min-above-lr")
def decay_longer_than_run(run: Situation) -> Iterator[Found]:
    """A cosine, a polynomial or a straight fall that the run ends before: it never arrives at its low end."""
    for place in run.active(specs.CosineAnnealingLR, specs.PolynomialLR, specs.LinearLR):
        field = "T_max" if isinstance(place.scheduler, specs.CosineAnnealingLR) else "total_iters"
        length = getattr(place.scheduler, field)
        if length > place.calls and is_falling(place.scheduler):
            ends = "it" if place.chained else f"the LR ends at {number(run.final(place))} and"
            yield Found(
                place.at(field),
                f"{field} is {run.length(length)} and {run.has(place)}: {ends} never reaches "
                f"{_low_end(place.scheduler)}.",
                run.set(place, **{field: place.calls}),
                place.way,
            )


@rule("trap", *COUNTING)
def constant_never_ends(run: Situation) -> Iterator[Found]:
    """ConstantLR alone, and longer than the run: all of it is trained at the reduced LR."""
    for place in run.active(specs.ConstantLR):
        scheduler = place.scheduler
        if not place.way and scheduler.factor < 1 and scheduler.total_iters >= place.calls:
            length = max(1, place.calls // 4)
            yield Found(
                place.at("total_iters"),
                f"ConstantLR reduces the LR for {run.length(scheduler.total_iters)} and {run.has(place)}: all of it is "
                f"trained at {number(run.lr(0))}.",
                run.set(place, total_iters=length) if length < place.calls else None,
                place.way,
            )


def is_falling(scheduler: Any) -> bool:
    """Whether a cosine, polynomial or linear scheduler makes the LR fall."""
    if isinstance(scheduler, specs.LinearLR):
        return scheduler.end_factor < scheduler.start_factor
    return getattr(scheduler, "power", 1) > 0


def _low_end(scheduler: Any) -> str:
    if isinstance(scheduler, specs.CosineAnnealingLR):
        return f"eta_min {number(scheduler.eta_min)}"
    if isinstance(scheduler, specs.LinearLR) and scheduler.end_factor:
        return f"end_factor {number(scheduler.end_factor)}"
    return "0"


def _with_gamma(run: Situation) -> Iterator[Place[Any]]:
    return run.active(specs.StepLR, specs.MultiStepLR, specs.ExponentialLR)


def _listed(values: tuple[int, ...]) -> str:
    """At most four of them."""
    texts = [f"{value:,}" for value in dict.fromkeys(values)]
    if len(texts) > 4:
        texts = [*texts[:3], f"{len(texts) - 3} more"]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


RULES = (
    step_never_decays,
    milestones_never_reached,
    milestone_beyond_run,
    milestone_twice,
    milestone_at_start,
    gamma_changes_nothing,
    gamma_raises,
    exponential_vanishes,
    exponential_hardly_moves,
    total_iters_zero,
    decay_longer_than_run,
    constant_never_ends,
)
