"""The form of a search for an LR: the Train form's few main settings, and how the LR is to grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError

from lrlab.desk import Desk
from lrlab.errors import explain
from lrlab.experiments import FINDER_FIELDS, MODELS, OPTIMIZERS, Experiment, Finder
from lrlab.ui import fields, places, train_state
from lrlab.ui import find_lr_texts as texts
from lrlab.ui.texts import TRAIN
from lrlab.ui.train_form import Faults, choose, choose_dataset
from lrlab.ui.train_state import MODEL, OPTIMIZER, Asked, key

SIZES = ("image_size", "batch_size")


@dataclass(frozen=True)
class Search:
    """What is to be searched for, and how."""

    experiment: Experiment
    finder: Finder


def find_lr_form(desk: Desk, datasets: Sequence[str]) -> Search | None:
    """Draws the form for the data sets with these names; the search when Start was pressed and nothing is wrong.

    Its widgets are the Train form's own, so that what is chosen here stands there too.
    """
    finder, wrong = _finder()
    asked = train_state.asked(desk, list(datasets), finder or Finder())
    shown = Faults({**asked.faults, **wrong})
    _main(asked, datasets, shown)
    _growth(shown)
    shown.rest()
    with st.container(horizontal=True, vertical_alignment="center"):
        ready = asked.experiment is not None and finder is not None and not asked.faults
        started = st.button(
            texts.PAGE["start"], type="primary", key="find_lr.start", disabled=not ready, width="content"
        )
        if asked.experiment and finder and ready:
            st.write(texts.plan_line(finder, asked.experiment.images_per_update))
        else:
            st.write(texts.PAGE["faulty"])
    return Search(asked.experiment, finder) if started and ready and asked.experiment and finder else None


def _main(asked: Asked, datasets: Sequence[str], shown: Faults) -> None:
    what, model, optimizer, *sizes = st.columns([2.2, 1.6, 1.4, 1.1, 1.1])
    with what:
        choose_dataset(asked, datasets, shown)
    with model:
        choose(MODEL, TRAIN["model"], MODELS)
        shown.beside("model.name")
    with optimizer:
        choose(OPTIMIZER, TRAIN["optimizer"], OPTIMIZERS)
        shown.beside("optimizer.name")
    for column, name in zip(sizes, SIZES, strict=True):
        with column:
            fields.ask(asked.offered[name], key(name))
            shown.beside(name)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(texts.PAGE["rest"], width="content")
        if st.button(texts.PAGE["to_train"], key="find_lr.to_train", type="tertiary"):
            st.switch_page(places.TRAIN, query_params=places.NEW_RUN)


def _growth(shown: Faults) -> None:
    with st.expander(texts.PAGE["more"]):
        for column, (name, field) in zip(st.columns(3) + st.columns(3), FINDER_FIELDS.items(), strict=True):
            with column:
                fields.ask(field, _key(name))
                shown.beside(name)


def _finder() -> tuple[Finder | None, dict[str, str]]:
    """What was entered for the search itself, whether its widgets are drawn or not, or what is wrong with it."""
    raw: dict[str, Any] = {name: fields.value(field, _key(name)) for name, field in FINDER_FIELDS.items()}
    try:
        return Finder.model_validate(raw), {}
    except ValidationError as error:
        return None, dict(explain(error))


def _key(name: str) -> str:
    return f"find_lr.{name}"
