"""What stands in the form of a new run: in the session, under one key a setting, whether it is drawn or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from pydantic import ValidationError

from lrlab import jobs
from lrlab.desk import Desk
from lrlab.errors import LabError, explain
from lrlab.experiments import FIELDS, OPTIMIZERS, Experiment, ExperimentField, Finder
from lrlab.runs import RunRecord, with_changes
from lrlab.schedules import LR, Composition, ReduceLROnPlateau, ScheduleSpec
from lrlab.ui import carried, fields, train_schedule
from lrlab.ui.images_choice import CARRIED as CARRIED_DATASET
from lrlab.ui.train_offer import offer
from lrlab.ui.train_schedule import CHOICE, COMPOSED

FIRST_SCHEDULE = "StepLR"

MODEL, OPTIMIZER, DATASET, RATE = "train.model", "train.optimizer", "train.dataset", "train.lr"
SEEN, SEEN_DATASET, SEEN_OPTIMIZER = "train.seen", "train.dataset_seen", "train.optimizer_seen"
"""What the form has taken over last from other pages."""

MISSING = "train.dataset_missing"
"""In the session: the data set that was asked for and is not to be had, and the one that stands in its place."""

FILLED = "train.filled"
"""In the session: how often the form was filled from elsewhere."""

STEPS_BEFORE_KNOWN = 30
"""Steps per epoch of a schedule that is put into the composer before its data set is known."""


@dataclass(frozen=True)
class Asked:
    """What the form comes to.

    `offered`: the fields to draw. `run`: the LR and the length of the run with the chosen schedule, None where they
    come to none. `specs`: the schedules to choose from. `missing`: the data set that was asked for, where the form
    holds another one since it is not to be had. `faults`: sentences by field (an empty field: the whole); without any
    there are `experiment` and `plan`.
    """

    offered: dict[str, ExperimentField]
    specs: dict[str, ScheduleSpec]
    chosen: ScheduleSpec
    run: Composition | None
    missing: str = ""
    experiment: Experiment | None = None
    plan: jobs.Plan | None = None
    faults: dict[str, str] = field(default_factory=dict)


def key(name: str) -> str:
    """The key of the field `name`, dotted as in an Experiment."""
    return f"train.{name}"


def optimizer_fields() -> dict[str, ExperimentField]:
    """The parameters of the chosen optimiser beside its LR, by their keys."""
    chosen = st.session_state[OPTIMIZER]
    return {
        f"train.{chosen}.{parameter.name}": parameter
        for parameter in OPTIMIZERS[chosen].parameters
        if parameter.name != LR.name
    }


def asked(desk: Desk, datasets: list[str], finder: Finder | None = None) -> Asked:
    """Takes over what other pages left, and reads, narrows and checks everything that was entered; for a search with
    `finder`, if one is given."""
    composition = carried.composition()
    _take_over(composition, datasets)
    offered = _offered(composition)
    raw = _collected(offered)
    bare, plan, _ = _checked(desk, raw, finder)
    run = None
    if bare and plan:
        run = Composition(lr=bare.optimizer.lr, epochs=bare.epochs, steps_per_epoch=plan.steps_per_epoch)
    specs = train_schedule.specs(composition, run or Composition(epochs=raw["epochs"]))
    chosen = specs[st.session_state[CHOICE]]
    experiment, plan, faults = _checked(desk, {**raw, "schedule": chosen.model_dump()}, finder)
    if finder and "schedule" in faults:  # which a search does not look at
        experiment, plan, faults = _checked(desk, raw, finder)
    run = run and run.model_copy(update={"schedule": chosen})
    return Asked(offered, specs, chosen, run, st.session_state[MISSING][0], experiment, plan, faults)


def fill_from(record: RunRecord, changes: Mapping[str, Any] | None = None) -> None:
    """Puts the settings of a run into the form, with `changes`; see `fill`."""
    # A data set has an id and a name; the form knows it by its name.
    experiment = with_changes(record.experiment, {"dataset": record.dataset.name, **(changes or {})})
    fill(experiment, record.steps_per_epoch if record.kind == "train" else None)


def fill(experiment: Experiment, steps_per_epoch: int | None = None) -> None:
    """Puts `experiment` into the form, its schedule as a composed one; not after the form has been drawn.

    `steps_per_epoch`: what its schedule is drawn for on the Schedule page, where it is known.
    """
    raw = experiment.model_dump()
    for name, parameter in FIELDS.items():
        part, _, inner = name.partition(".")
        fields.fill(parameter, key(name), raw[part][inner] if inner else raw[part])
    optimizer = experiment.optimizer
    st.session_state[MODEL], st.session_state[OPTIMIZER] = experiment.model.name, optimizer.name
    st.session_state[SEEN_OPTIMIZER] = optimizer.name
    fields.fill(LR, RATE, optimizer.lr)
    for parameter in OPTIMIZERS[optimizer.name].parameters:
        if parameter.name != LR.name:
            fields.fill(parameter, f"train.{optimizer.name}.{parameter.name}", getattr(optimizer, parameter.name))
    st.session_state[CARRIED_DATASET] = experiment.dataset
    st.session_state.pop(MISSING, None)
    composed = Composition(
        lr=optimizer.lr,
        epochs=experiment.epochs,
        steps_per_epoch=steps_per_epoch or STEPS_BEFORE_KNOWN,
        schedule=experiment.schedule,
    )
    carried.push(carried.with_composition(composed))
    st.session_state[SEEN], st.session_state[CHOICE] = carried.composition(), COMPOSED
    st.session_state[FILLED] = st.session_state.get(FILLED, 0) + 1


def _take_over(composition: Composition | None, datasets: list[str]) -> None:
    """What was composed or chosen on other pages since the form was drawn last goes into its fields."""
    state = st.session_state
    default = Experiment(dataset="any")
    state.setdefault(MODEL, default.model.name)
    state.setdefault(OPTIMIZER, default.optimizer.name)
    if composition and composition != state.get(SEEN):
        state[SEEN] = composition
        state[CHOICE] = COMPOSED
        state[key("epochs")] = composition.epochs
        state[RATE] = fields.written(composition.lr)
    train_schedule.settle(COMPOSED if composition else FIRST_SCHEDULE)
    _follow_optimizer()
    wanted = state.get(DATASET) if state.get(SEEN_DATASET) == state.get(CARRIED_DATASET) else state.get(CARRIED_DATASET)
    missing, instead = state.get(MISSING, ("", ""))
    if wanted not in datasets:
        missing, wanted = wanted or "", datasets[0]
        instead = wanted
    if state.get(DATASET) != wanted:  # what is drawn already can be asked, and not set
        state[DATASET] = wanted
    state[MISSING] = (missing, instead) if wanted == instead else ("", "")
    state[SEEN_DATASET] = state.get(CARRIED_DATASET)


def _follow_optimizer() -> None:
    """Another optimiser brings its own first LR, where nobody has chosen one."""
    state = st.session_state
    chosen, before = state[OPTIMIZER], state.get(SEEN_OPTIMIZER, state[OPTIMIZER])
    state[SEEN_OPTIMIZER] = chosen
    own, old = (_own_lr(name) for name in (chosen, before))
    untouched = state[CHOICE] != COMPOSED and fields.is_start(old, RATE)
    if RATE not in state or (chosen != before and untouched):
        fields.fill(own, RATE, own.start)


def _own_lr(optimizer: str) -> ExperimentField:
    return next(parameter for parameter in OPTIMIZERS[optimizer].parameters if parameter.name == LR.name)


def _offered(composition: Composition | None) -> dict[str, ExperimentField]:
    model = st.session_state[MODEL]
    found = offer(model, _values(), _plateau(composition))
    for name, parameter in found.items():
        if name != "dataset":
            fields.settle(parameter, key(name))
    return offer(model, _values(), _plateau(composition))  # a value that fell away may hide others


def _values() -> dict[str, Any]:
    return {name: fields.value(parameter, key(name)) for name, parameter in FIELDS.items() if name != "dataset"}


def _plateau(composition: Composition | None) -> Any:
    """The mode of the chosen ReduceLROnPlateau; None where another schedule is chosen."""
    chosen = st.session_state[CHOICE]
    if chosen == COMPOSED and composition:
        scheduler = composition.schedule.scheduler
        return scheduler.mode if isinstance(scheduler, ReduceLROnPlateau) else None
    return ReduceLROnPlateau().mode if chosen == ReduceLROnPlateau().name else None


def _collected(offered: Mapping[str, ExperimentField]) -> dict[str, Any]:
    """What was entered, in the form of an Experiment without its schedule; what is not offered keeps its default."""
    state = st.session_state
    raw: dict[str, Any] = {"model": {"name": state[MODEL]}, "optimizer": {"name": state[OPTIMIZER]}}
    for name, parameter in offered.items():
        entered = state[DATASET] if name == "dataset" else fields.value(parameter, key(name))
        part, _, inner = name.partition(".")
        if inner:
            raw.setdefault(part, {})[inner] = entered
        else:
            raw[part] = entered
    raw["optimizer"][LR.name] = fields.value(LR, RATE)
    for widget, parameter in optimizer_fields().items():
        fields.settle(parameter, widget)
        raw["optimizer"][parameter.name] = fields.value(parameter, widget)
    return raw


def _checked(
    desk: Desk, raw: Mapping[str, Any], finder: Finder | None
) -> tuple[Experiment | None, jobs.Plan | None, dict[str, str]]:
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        return None, None, dict(explain(error))
    try:
        return experiment, desk.plan(experiment, finder), {}
    except LabError as error:
        at = error.field or ""
        return experiment, None, {at: str(error).removeprefix(f"{at}: ")}
