"""Deeds that change the schedulers themselves: another one chosen, one more, one less, moved, drawn by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from lrlab.charts.composer import tree as tree
from lrlab.charts.composer.deeds import Deed, Name, Place, Typed, invented, with_run, with_schedule
from lrlab.charts.composer.points import drawn_by_hand, one_more, typed_points
from lrlab.charts.composer.state import PreviewState
from lrlab.charts.composer.typed import Ruler
from lrlab.errors import LabError, explain
from lrlab.schedules import Scheduler, Synthetic
from lrlab.schedules.table import MAX_POINTS

At = Annotated[tuple[Place, ...], Field(max_length=25)]


class _InTree(Deed):
    at: At = ()

    def _edited(self, state: PreviewState, change: Callable[[Scheduler, int], Scheduler]) -> PreviewState:
        """`change(scheduler, calls)` in the place of the scheduler at `at`."""
        run = state.composition
        scheduler = run.schedule.scheduler
        calls = tree.calls_at(scheduler, self.at, max(run.calls, 1))
        try:
            edited = tree.replaced(scheduler, self.at, lambda inner: change(inner, calls))
        except ValidationError as error:
            where, sentence = explain(error)[0]
            raise LabError(sentence, field=".".join(filter(None, (self._field, where)))) from error
        return with_schedule(state, scheduler=edited)

    def _held(self, state: PreviewState) -> tree.Several:
        return tree.several(state.composition.schedule.scheduler, self.at)

    @property
    def _field(self) -> str:
        return ".".join(["scheduler", *(f"schedulers.{place}" for place in self.at)])


class Choose(_InTree):
    """Another scheduler in the place `at`, with values that suit the calls it has there."""

    op: Literal["choose"]
    name: Name

    def on(self, state: PreviewState) -> PreviewState:
        if self.name == "ReduceLROnPlateau" and not self.at:
            # Its metric is measured once an epoch. One that nobody has set yet is made to level off within the run.
            run = state.composition.with_interval("epoch")
            metric = invented("min", run.epochs) if run.metric == Synthetic() else run.metric
            state = with_run(state.with_composition(run), metric=metric)
        run = state.composition
        return self._edited(
            state, lambda inner, calls: tree.chosen(inner, self.name, run.schedule.interval, calls, run.lr)
        )


class Add(_InTree):
    """One scheduler more in the SequentialLR or ChainedScheduler at `at`."""

    op: Literal["add"]

    def on(self, state: PreviewState) -> PreviewState:
        run, held = state.composition, self._held(state)
        return self._edited(state, lambda _, calls: tree.added(held, run.schedule.interval, calls, run.lr))


class Remove(_InTree):
    """The scheduler at `place` of the one at `at` goes."""

    op: Literal["remove"]
    place: Place

    def on(self, state: PreviewState) -> PreviewState:
        held = self._held(state)
        return self._edited(state, lambda _, calls: tree.without(held, self.place))


class Move(_InTree):
    """The scheduler at `place` of the one at `at` changes with its neighbour."""

    op: Literal["move"]
    place: Place
    by: Literal[-1, 1]

    def on(self, state: PreviewState) -> PreviewState:
        held = self._held(state)
        return self._edited(state, lambda _, calls: tree.moved(held, self.place, self.by, calls))


class Unwrap(_InTree):
    """The scheduler at `place` takes the place of the one at `at` that holds it."""

    op: Literal["unwrap"]
    place: Place = 0

    def on(self, state: PreviewState) -> PreviewState:
        return self._edited(state, lambda outer, calls: tree.inside(outer, (self.place,)))


class Form(_InTree):
    """A LambdaLR given as a formula, or as points drawn by hand: points of what it was."""

    op: Literal["form"]
    form: Literal["formula", "table"]

    def on(self, state: PreviewState) -> PreviewState:
        run = state.composition

        def other(inner: Scheduler, calls: int) -> Scheduler:
            drawn = drawn_by_hand(inner, run, calls) if self.form == "table" else None
            return drawn or tree.begun("LambdaLR", run.schedule.interval, calls, run.lr, self.form)

        return self._edited(state, other)


class Points(_InTree):
    """The grid of points as it was typed: rows of a call and the LR there."""

    op: Literal["points"]
    rows: Annotated[tuple[tuple[Typed, Typed], ...], Field(max_length=MAX_POINTS)]

    def on(self, state: PreviewState) -> PreviewState:
        field, lr, ruler = f"{self._field}.table.points", state.composition.lr, Ruler(state)
        return self._edited(state, lambda inner, _: typed_points(inner, self.rows, field, lr, ruler))


class AddPoint(_InTree):
    """One point more after the one at `place`, half way to the next."""

    op: Literal["add_point"]
    place: Place

    def on(self, state: PreviewState) -> PreviewState:
        return self._edited(state, lambda inner, calls: one_more(inner, self.place, calls))
