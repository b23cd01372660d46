"""The form of a new run: widgets from the catalogues to an Experiment, its plan, and every refusal by its field."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError

from lrlab import jobs
from lrlab.errors import LabError, explain
from lrlab.experiments import FIELDS, MODELS, OPTIMIZERS, Experiment
from lrlab.home import Home
from lrlab.schedules import LR, Composition, label
from lrlab.ui import carried, fields, texts, train_schedule
from lrlab.ui.images_choice import CARRIED as DATASET
from lrlab.ui.train_schedule import CHOICE, COMPOSED

FIRST_SCHEDULE = "StepLR"
TOP_FIELDS = ("image_size", "batch_size", "epochs")
SEEN = "train.seen"
"""In the session: the composition that the form has taken over last."""


@dataclass(frozen=True)
class Asked:
    """What the form comes to: an experiment and its plan, or faults by field (an empty field: the whole)."""

    experiment: Experiment | None
    plan: jobs.Plan | None
    faults: dict[str, str]


def train_form(home: Home, datasets: Sequence[str]) -> Experiment | None:
    """Draws the form for the data sets with these names; the experiment when Start was pressed and nothing is wrong."""
    composition = carried.composition()
    _take_over(composition, datasets)
    slots: dict[str, Any] = {}
    raw, run = _widgets(home, composition, datasets, slots)
    asked = _check(home, raw)
    for field, sentence in asked.faults.items():
        slot = slots.get(field) or slots.get(field.partition(".")[0]) or slots[""]
        with slot:
            fields.refusal(sentence if slot is not slots[""] or not field else f"{field}: {sentence}")
    with slots["schedule"]:
        train_schedule.explain(run, composition, drawable=asked.plan is not None)
    with st.container(horizontal=True, vertical_alignment="center"):
        started = st.button(
            texts.TRAIN["start"], type="primary", key="train.start", disabled=bool(asked.faults), width="content"
        )
        if asked.plan:
            plan = asked.plan
            st.write(texts.plan_line(plan.train, plan.val, plan.test, plan.steps_per_epoch, plan.updates))
        else:
            st.write(texts.TRAIN["faulty"])
    return asked.experiment if started and not asked.faults else None


def _take_over(composition: Composition | None, datasets: Sequence[str]) -> None:
    """What was composed or chosen on other pages since the form was drawn last goes into its fields."""
    state = st.session_state
    if composition and composition != state.get(SEEN):
        state[SEEN] = composition
        state[CHOICE] = COMPOSED
        state["train.epochs"] = composition.epochs
        state["train.lr"] = fields.written(composition.lr)
    state.setdefault(CHOICE, COMPOSED if composition else FIRST_SCHEDULE)
    if state.get("train.dataset") not in datasets or state.get("train.dataset_seen") != state.get(DATASET):
        wanted = state.get(DATASET)
        state["train.dataset"] = wanted if wanted in datasets else datasets[0]
    state["train.dataset_seen"] = state.get(DATASET)


def _widgets(
    home: Home, composition: Composition | None, datasets: Sequence[str], slots: dict[str, Any]
) -> tuple[dict[str, Any], Composition | None]:
    """Draws every widget, with room for a refusal beside each; what was entered, in the form of an Experiment, and the
    schedule on the run that the other fields make."""
    raw: dict[str, Any] = {}
    what, model, *sizes = st.columns([2.2, 1.6, 1.1, 1.1, 1.1])
    with what:
        raw["dataset"] = st.selectbox(
            texts.TRAIN["dataset"], list(datasets), key="train.dataset", persist_state="session"
        )
        slots["dataset"] = st.container()
    with model:
        raw["model"] = {"name": _choose("model", MODELS)}
    for column, name in zip(sizes, TOP_FIELDS, strict=True):
        with column:
            raw[name] = fields.ask(FIELDS[name], f"train.{name}")
            slots[name] = st.container()
    schedule, optimizer, rate, title = st.columns([2.2, 1.6, 1.1, 2.2])
    with optimizer:
        chosen = _choose("optimizer", OPTIMIZERS)
    with rate:
        raw["optimizer"] = {"name": chosen, "lr": fields.ask(LR, "train.lr", title="LR")}
        slots["optimizer.lr"] = st.container()
    slots["schedule"] = st.container()
    with st.expander(texts.TRAIN["more"]):
        _more(chosen, raw)
    run = _run(_check(home, raw))
    with schedule:  # the plain ones are fitted to the run, which the other fields make
        chosen_schedule = train_schedule.choose(composition, run or Composition(epochs=raw["epochs"]))
    raw["schedule"] = chosen_schedule.model_dump()
    with title:
        raw["name"] = fields.ask(FIELDS["name"], "train.name", placeholder=label(chosen_schedule))
        slots["name"] = st.container()
    slots[""] = st.container()
    return raw, run and run.model_copy(update={"schedule": chosen_schedule})


def _more(optimizer: str, raw: dict[str, Any]) -> None:
    own = [parameter for parameter in OPTIMIZERS[optimizer].parameters if parameter.name != LR.name]
    columns: Iterator[Any] = itertools.chain.from_iterable(
        st.columns(4, vertical_alignment="bottom") for _ in itertools.count()
    )
    for parameter in own:
        with next(columns):
            raw["optimizer"][parameter.name] = fields.ask(parameter, f"train.{optimizer}.{parameter.name}")
    for name in ("seed", "validation.fraction", "validation.seed", "device"):
        with next(columns):
            value = fields.ask(FIELDS[name], f"train.{name}")
        part, _, inner = name.partition(".")
        if inner:
            raw.setdefault(part, {})[inner] = value
        else:
            raw[name] = value


def _choose(name: str, catalogue: Any) -> str:
    default = Experiment(dataset="any").model_dump()[name]["name"]
    st.session_state.setdefault(f"train.{name}", default)
    titles = {key: getattr(value, "title", key) for key, value in catalogue.items()}
    chosen = st.selectbox(
        texts.TRAIN[name], list(titles), format_func=titles.__getitem__, key=f"train.{name}", persist_state="session",
        help="\n\n".join(f"**{titles[key]}**: {value.line} {value.when}" for key, value in catalogue.items()),
    )  # fmt: skip
    return str(chosen)


def _run(asked: Asked) -> Composition | None:
    """The LR and the length of the run that was entered; None where it comes to none."""
    if not (asked.experiment and asked.plan):
        return None
    experiment, plan = asked.experiment, asked.plan
    return Composition(lr=experiment.optimizer.lr, epochs=experiment.epochs, steps_per_epoch=plan.steps_per_epoch)


def _check(home: Home, raw: dict[str, Any]) -> Asked:
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        return Asked(None, None, dict(explain(error)))
    try:
        return Asked(experiment, jobs.plan(home, experiment), {})
    except LabError as error:
        field = error.field or ""
        return Asked(experiment, None, {field: str(error).removeprefix(f"{field}: ")})
