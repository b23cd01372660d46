"""What torch refuses, or what has no curve: the reason as the curve tells it, and what would lift it.

A repair is offered only where it does: the composition then has a curve, or is refused for another reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.nests import flattened
from lrlab.schedules.checks.situation import Place, Situation, near_one
from lrlab.schedules.metric import Synthetic

Repairs = Callable[[Situation, Place[Any]], Iterable[Repair]]


@rule("refused")
def one_cycle_shorter_than_run(run: Situation) -> Iterator[Found]:
    """pytorch#38170: a run that goes on after total_steps raises ValueError."""
    yield from _explained(run, specs.OneCycleLR, "total_steps", _as_long)


@rule("refused")
def one_cycle_divides_by_zero(run: Situation) -> Iterator[Found]:
    """pytorch#180187: a pct_start that gives a phase no length."""
    yield from _explained(
        run, specs.OneCycleLR, "pct_start", lambda run, place: (run.set(place, pct_start=s) for s in (0.3, 0.25, 0.4))
    )


@rule("refused")
def switch_to_nested(run: Situation) -> Iterator[Found]:
    """torch's SequentialLR raises NotImplementedError where it switches to a SequentialLR or ChainedScheduler."""
    yield from _explained(run, specs.SequentialLR, "", _unwrapped)
    yield from _explained(run, specs.ChainedScheduler, "", _unwrapped)


@rule("refused")
def no_length_in_sequence(run: Situation) -> Iterator[Found]:
    """LinearLR and PolynomialLR with total_iters 0 divide by zero where SequentialLR switches to them."""
    for kind in (specs.LinearLR, specs.PolynomialLR):
        yield from _explained(
            run, kind, "total_iters", lambda run, place: [run.set(place, total_iters=max(1, place.calls))]
        )


@rule("refused")
def cycle_overflows(run: Situation) -> Iterator[Found]:
    """CyclicLR raises OverflowError after 1,024 cycles of mode "triangular2", or with a gamma above 1."""
    yield from _explained(
        run, specs.CyclicLR, "step_size_up",
        lambda run, place: [run.set(place, step_size_up=max(place.scheduler.step_size_up, 1 + place.calls // 1024))],
    )  # fmt: skip
    yield from _explained(run, specs.CyclicLR, "gamma", lambda run, place: [run.set(place, gamma=1.0)])


@rule("refused")
def metric_missing(run: Situation) -> Iterator[Found]:
    """The run whose metric ReduceLROnPlateau is to be shown against has logged none, or fewer epochs."""
    error = run.refusal
    if error is None or error.field != "metric":
        return
    epochs = len(run.logged or ())
    if epochs:
        repair = Repair(f"Set the epochs to {epochs:,}", run.composition.model_copy(update={"epochs": epochs}))
    else:
        repair = Repair("Use an invented metric", run.composition.model_copy(update={"metric": Synthetic()}))
    yield Found("metric", str(error), repair)


@rule("refused")
def lr_out_of_range(run: Situation) -> Iterator[Found]:
    """No LR above 1000 and none below 0 is drawn: a gamma above 1 explodes, cosines in a chain undershoot."""
    error = run.refusal
    if error is None or error.field is not None:
        return
    raising = [
        place for place in run.active(specs.StepLR, specs.MultiStepLR, specs.ExponentialLR) if place.scheduler.gamma > 1
    ]
    repairs = (run.set(place, gamma=near_one(1 / place.scheduler.gamma)) for place in raising)
    yield Found(raising[0].at("gamma") if raising else "scheduler", str(error), _lifting(run, repairs))


@rule(
    "refused", "one-cycle-shorter-than-run", "one-cycle-divides-by-zero", "switch-to-nested", "no-length-in-sequence",
    "cycle-overflows", "metric-missing", "lr-out-of-range",
)  # fmt: skip
def without_curve(run: Situation) -> Iterator[Found]:
    """Anything else that leaves the schedule without a curve, such as a formula that divides by zero."""
    if run.refusal is not None:
        yield Found(run.refusal.field or "scheduler", str(run.refusal))


def _explained(run: Situation, kind: type, field: str, repairs: Repairs) -> Iterator[Found]:
    """The refusal, where it is about `field` of a scheduler of class `kind`."""
    error = run.refusal
    for place in run.places:
        if error is not None and isinstance(place.scheduler, kind):
            path = place.at(field) if field else place.path
            if error.field == path:
                yield Found(path, str(error), _lifting(run, repairs(run, place)), place.way)


def _lifting(run: Situation, repairs: Iterable[Repair]) -> Repair | None:
    """The first one after which the composition is not refused for the same reason."""
    return next((repair for repair in repairs if not _refused_alike(run, repair)), None)


def _refused_alike(run: Situation, repair: Repair) -> bool:
    assert run.refusal is not None
    try:
        repair.composition.curve(run.logged)
    except LabError as error:
        return (error.field, str(error)) == (run.refusal.field, str(run.refusal))
    return False


def _as_long(run: Situation, place: Place[specs.OneCycleLR]) -> Iterator[Repair]:
    yield run.set(place, total_steps=place.calls, epochs=None, steps_per_epoch=None)


def _unwrapped(run: Situation, place: Place[specs.SequentialLR | specs.ChainedScheduler]) -> Iterator[Repair]:
    around = run.around(place)[0]
    if isinstance(place.scheduler, specs.SequentialLR) and isinstance(around.scheduler, specs.SequentialLR):
        yield Repair("Flatten it into the outer one", run.replaced(around.way, flattened(around.scheduler)))
    elif len(place.scheduler.schedulers) == 1:
        (only,) = place.scheduler.schedulers
        yield Repair(f"Make it {only.name} alone", run.replaced(place.way, only))


RULES = (
    one_cycle_shorter_than_run,
    one_cycle_divides_by_zero,
    switch_to_nested,
    no_length_in_sequence,
    cycle_overflows,
    metric_missing,
    lr_out_of_range,
    without_curve,
)
