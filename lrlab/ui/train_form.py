"""The form of a new run: a few widgets that matter, every other setting folded below them, and refusals by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lrlab.desk import Desk
from lrlab.experiments import FIELDS, MODELS, OPTIMIZERS, Experiment
from lrlab.schedules import LR, label
from lrlab.ui import carried, fields, texts, train_card, train_presets, train_schedule, train_sections, train_state
from lrlab.ui.train_state import DATASET, MODEL, OPTIMIZER, RATE, Asked, key

TOP_FIELDS = ("image_size", "batch_size", "epochs")


def train_form(desk: Desk, datasets: Sequence[str]) -> Experiment | None:
    """Draws the form for the data sets with these names; the experiment when Start was pressed and nothing is wrong."""
    asked = train_state.asked(desk, list(datasets))
    shown = Faults(asked.faults)
    _first_row(asked, datasets, shown)
    _second_row(asked, shown)
    train_schedule.explain(asked.run, carried.composition(), drawable=asked.plan is not None)
    train_card.card(desk.home, asked)
    rest = st.container()
    started = _start(asked, datasets)
    train_sections.folds(desk, asked, shown)
    with rest:
        shown.rest()
    return asked.experiment if started and not asked.faults else None


class Faults:
    """The sentences of what is wrong, each shown once: beside its field, or with those that have none."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self._left = dict(faults)

    def beside(self, *names: str) -> None:
        """Shows what is wrong with the fields `names`, or with a part of one."""
        for name in names:
            for field in [field for field in self._left if f"{field}.".startswith(f"{name}.")]:
                fields.refusal(_part(field.removeprefix(name).strip(".")) + self._left.pop(field))

    def rest(self) -> None:
        """Shows what no field has shown, with the setting's name."""
        for field, sentence in self._left.items():
            fields.refusal(f"{field}: {sentence}" if field else sentence)
        self._left.clear()


def _part(place: str) -> str:
    """Where in a list of values, or in a table of groups, something is wrong; `place` is such as "1" or "0.pattern"."""
    number, _, column = place.partition(".")
    if not number.isdecimal():
        return ""
    return texts.TRAIN["row" if column else "value"].format(number=int(number) + 1, column=column)


def _first_row(asked: Asked, datasets: Sequence[str], shown: Faults) -> None:
    what, model, *sizes = st.columns([2.2, 1.6, 1.1, 1.1, 1.1])
    with what:
        choose_dataset(asked, datasets, shown)
    with model:
        choose(MODEL, texts.TRAIN["model"], MODELS)
        shown.beside("model.name")
    for column, name in zip(sizes, TOP_FIELDS, strict=True):
        with column:
            fields.ask(asked.offered[name], key(name))
            shown.beside(name)


def _second_row(asked: Asked, shown: Faults) -> None:
    schedule, optimizer, rate, title = st.columns([2.2, 1.6, 1.1, 2.2])
    with schedule:
        train_schedule.choose(asked.specs)
        shown.beside("schedule")
    with optimizer:
        choose(OPTIMIZER, texts.TRAIN["optimizer"], OPTIMIZERS)
    with rate:
        fields.ask(LR, RATE, title="LR")
        shown.beside("optimizer.lr")
    with title:
        fields.ask(FIELDS["name"], key("name"), placeholder=label(asked.chosen))
        shown.beside("name")


def choose_dataset(asked: Asked, datasets: Sequence[str], shown: Faults) -> None:
    """Draws the choice among the data sets, and says where another one was asked for."""
    st.selectbox(texts.TRAIN["dataset"], list(datasets), key=DATASET, persist_state="session")
    shown.beside("dataset")
    if asked.missing:
        fields.refusal(texts.TRAIN["missing_images"].format(name=asked.missing))


def choose(widget: str, called: str, catalogue: Mapping[str, Any]) -> None:
    """Draws the choice among the entries of `catalogue`, with the key `widget`."""
    titles = {name: getattr(entry, "sized", name) for name, entry in catalogue.items()}
    st.selectbox(
        called, list(titles), format_func=titles.__getitem__, key=widget, persist_state="session",
        help="\n\n".join(f"**{titles[name]}**: {entry.line} {entry.when}" for name, entry in catalogue.items()),
    )  # fmt: skip


def _start(asked: Asked, datasets: Sequence[str]) -> bool:
    with st.container(horizontal=True, vertical_alignment="center"):
        started = st.button(
            texts.TRAIN["start"], type="primary", key="train.start", disabled=bool(asked.faults), width="content"
        )
        train_presets.choice(datasets)
        if asked.plan and asked.experiment:
            st.write(texts.plan_line(asked.plan, asked.experiment))
        else:
            st.write(train_sections.where(asked))
    return bool(started)
