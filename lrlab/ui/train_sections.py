"""Every setting beside the few on top, folded by section: what differs from the defaults stands in the fold's title."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from lrlab.desk import Desk
from lrlab.experiments import FIELDS, SECTIONS, ExperimentField
from lrlab.ui import fields, texts, train_card, train_state
from lrlab.ui.augment_preview import augment_preview
from lrlab.ui.markdown import plain
from lrlab.ui.train_state import Asked, key

if TYPE_CHECKING:
    from lrlab.ui.train_form import Faults

ON_TOP = ("name", "dataset", "image_size", "batch_size", "epochs")
"""Fields that stand above all folds."""

COLUMNS = 2
"""Folds stand side by side; on a phone below each other."""


@dataclass(frozen=True)
class Fold:
    """One fold: its widgets by their keys, and the names of their settings, dotted as in an Experiment."""

    title: str
    line: str
    widgets: Mapping[str, ExperimentField]
    names: tuple[str, ...]


def folds(desk: Desk, asked: Asked, shown: Faults) -> None:
    """Draws them all; what is wrong stands beside its field, and the fold's title says that there is something."""
    st.caption(texts.TRAIN["more"])
    columns = st.columns(COLUMNS)
    turn = st.session_state.get(train_state.FILLED, 0)
    for place, fold in enumerate(found(asked)):
        faulty = any(_holds(fold, field) for field in asked.faults)
        with (
            columns[place % COLUMNS],
            # A form that was filled anew has new folds: the browser keeps an old one's title where it stands elsewhere.
            st.expander(title(fold, faulty), key=f"train.fold.{turn}.{fold.title}", expanded=faulty),
        ):
            st.caption(fold.line)
            _widgets(fold, shown)
            if "param_groups.groups" in fold.names:
                _names()
            if "augment.crop" in fold.names:
                augment_preview(desk, asked.experiment)


def _names() -> None:
    """The names that a pattern of a group can meet, once the model's layers are known."""
    network = train_card.summary()
    if network:
        first = dict.fromkeys(layer.name.partition(".")[0] for layer in network.layers if layer.parameters)
        st.caption(texts.TRAIN["names"].format(names=", ".join(plain(name) + r"\.\*" for name in first)))


def found(asked: Asked) -> list[Fold]:
    """The folds in their order: the optimiser's own parameters, then the catalogue's sections."""
    own = train_state.optimizer_fields()
    made = [
        Fold(
            texts.TRAIN["optimizer"],
            texts.TRAIN["optimizer_line"],
            own,
            tuple(f"optimizer.{parameter.name}" for parameter in own.values()),
        )
    ]
    for section in SECTIONS:
        names = tuple(
            field.name for field in section.fields if field.name in asked.offered and field.name not in ON_TOP
        )
        if names:
            made.append(Fold(section.title, section.line, {key(name): asked.offered[name] for name in names}, names))
    return made


def title(fold: Fold, faulty: bool) -> str:
    """The fold's title in Markdown, with what differs from the defaults."""
    parts = [
        f"{fields.called(parameter)} {fields.told(parameter, widget)}"
        for widget, parameter in fold.widgets.items()
        if not fields.is_start(parameter, widget)
    ]
    if faulty:
        parts.insert(0, texts.TRAIN["faulty_fold"])
    return f"**{plain(fold.title)}**" + (f"  ·  {plain(', '.join(parts))}" if parts else "")


def where(asked: Asked) -> str:
    """Why Start cannot be pressed: what needs a change, and in which fold it stands."""
    named = []
    for field in asked.faults:
        fold = next((fold for fold in found(asked) if _holds(fold, field)), None)
        if fold:
            parameter = next(
                parameter
                for parameter, name in zip(fold.widgets.values(), fold.names, strict=True)
                if field == name or field.startswith(f"{name}.")
            )
            named.append(texts.TRAIN["in_fold"].format(title=parameter.title, fold=fold.title))
        elif field in FIELDS:
            named.append(FIELDS[field].title)
    return texts.TRAIN["faulty"] + (f": {', '.join(named)}." if named else ".")


def _widgets(fold: Fold, shown: Faults) -> None:
    wide = [widget for widget, parameter in fold.widgets.items() if parameter.kind == "groups"]
    columns = st.columns(2, vertical_alignment="bottom")
    for place, (widget, name) in enumerate(zip(fold.widgets, fold.names, strict=True)):
        with st.container() if widget in wide else columns[place % 2]:
            fields.ask(fold.widgets[widget], widget)
            shown.beside(name)


def _holds(fold: Fold, field: str) -> bool:
    return any(field == name or field.startswith(f"{name}.") for name in fold.names)
