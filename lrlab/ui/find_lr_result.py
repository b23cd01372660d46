"""What a search for an LR came to, below its chart: the suggestions, each explained, and the way on with one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lrlab.desk import Desk
from lrlab.errors import LabError
from lrlab.experiments import Experiment
from lrlab.runs import Run, RunRecord
from lrlab.runs.finder import Findings, Suggestion, findings
from lrlab.schedules import Composition, with_peak
from lrlab.ui import carried, places, train_state
from lrlab.ui import find_lr_texts as texts
from lrlab.ui.fields import refusal, written
from lrlab.ui.markdown import plain
from lrlab.ui.train_schedule import CHOICE, COMPOSED

OWN = "own"
"""The choice of an LR that nobody suggested."""

UNSEEN = {"name", "dataset", "epochs", "schedule", "plateau_metric", "early_stopping", "grad_norm"}
"""Settings of an experiment that a search does not look at, and the data set, which has two names."""

PICKED = "find_lr.own"
"""In the session: what was typed as an LR of one's own, or clicked on the curve."""


def found_in(run: Run) -> Findings | None:
    """What the log of `run` says; None for a run that trains a model."""
    record = run.record
    return findings(record.finder, run.steps, ended=True) if record.finder else None


def pick(run: Run, lr: float) -> None:
    """An LR was clicked on the curve of `run`."""
    st.session_state[PICKED] = written(_rounded(lr))
    st.session_state[_key(run)] = OWN


def result(desk: Desk, run: Run, datasets: list[str]) -> None:
    """Draws the suggestions of a search that is over."""
    found = found_in(run)
    if found is None or not found.sweeps:
        return
    st.markdown(f"##### {texts.PAGE['suggestions']}")
    if found.reason:
        st.markdown(f"**{texts.PAGE['none']}.** {plain(found.reason)}")
    for note in found.notes:
        st.markdown(plain(note))
    lr = _chosen(run, found)
    if datasets:
        _onward(desk, run.record, lr, datasets)


def _chosen(run: Run, found: Findings) -> float | None:
    """Draws the choice between the LRs, with the reason of each method that has none; the chosen LR."""
    given: dict[str, Suggestion] = {one.method: one for one in found.suggestions if one.lr is not None}
    options = [*given, OWN]
    st.session_state.setdefault(_key(run), options[0])
    if given:
        _between(run, given, options)
    for one in found.suggestions:
        if one.lr is None:
            st.caption(f"{one.title}: none. {plain(one.sentence)}")
    chosen = st.session_state[_key(run)]
    # Its place is kept where it is not drawn: otherwise all that is below would move up a place, and while the page is
    # drawn anew stand there twice.
    with st.container():
        if chosen != OWN:
            return _rounded(given[chosen].lr or 0.0)
        text = st.text_input(texts.PAGE["own_lr"], key=PICKED, help=texts.PAGE["own_help"], width=200)
        return _typed(text) if text.strip() else None


def _between(run: Run, given: Mapping[str, Suggestion], options: list[str]) -> None:
    """Draws the choice itself, each with how it was found."""
    labels = {name: texts.choice(one.title, one.lr or 0.0) for name, one in given.items()} | {OWN: texts.PAGE["own"]}
    lines = [plain(one.sentence) for one in given.values()] + [texts.PAGE["own_line"]]
    st.radio(
        texts.PAGE["choose"],
        options,
        format_func=labels.__getitem__,
        captions=lines,
        key=_key(run),
        label_visibility="collapsed",
    )


def _rounded(lr: float) -> float:
    """`lr` to three digits; no suggestion is known better."""
    return float(f"{lr:.3g}")


def _typed(text: str) -> float | None:
    try:
        lr = float(text)
        with_peak(Composition(), lr)
    except LabError as error:
        refusal(str(error))
    except ValueError:
        refusal(f"LR: got {text[:40]!r}, allowed: a number such as 0.003 or 3e-3")
    else:
        return lr
    return None


def _onward(desk: Desk, record: RunRecord, lr: float | None, datasets: list[str]) -> None:
    """Draws the two ways on, and takes the one that was pressed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        train = st.button(texts.PAGE["train"], type="primary", key="find_lr.train", disabled=lr is None)
        compose = st.button(texts.PAGE["compose"], key="find_lr.compose", disabled=lr is None)
        st.caption(texts.PAGE["effect"], width="content")
    asked = train_state.asked(desk, datasets)
    other = _different(record, asked.experiment) if asked.experiment else []
    if other and record.dataset.name in datasets:
        with st.container(horizontal=True, vertical_alignment="center"):
            said = texts.PAGE["other"].format(names=", ".join(other))
            asked_for = texts.settings_line(record.experiment, record.dataset.name)
            st.caption(plain(f"{said} {asked_for}"), width="content")
            st.button(texts.PAGE["take"], key="find_lr.take", on_click=train_state.fill_from, args=(record,))
    if lr is not None and (train or compose):
        try:
            put_into_schedule(lr, asked.run)
        except LabError as error:
            refusal(str(error))
        else:
            if train:
                st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
            st.switch_page(places.SCHEDULE)


def put_into_schedule(lr: float, run: Composition | None) -> None:
    """Makes `lr` the highest LR of the schedule that the Train form holds, on its run, and the composer shows it.

    `run`: that schedule on that run; None where the form comes to none, and then the composed one is taken.
    """
    peaked = with_peak(run or carried.preview_state()[0].composition, lr)
    of_recipe = carried.recipe() if st.session_state.get(CHOICE, COMPOSED) == COMPOSED else None
    carried.push(carried.fitted(None if of_recipe else peaked.schedule, peaked))


def _different(record: RunRecord, form: Experiment) -> list[str]:
    """The settings, dotted, in which the form differs from what the search was for; what a search does not look at
    does not count."""
    known = record.dataset
    same_images = form.dataset in (known.name, known.id)
    ours, theirs = (_settings(one.model_dump(exclude=UNSEEN)) for one in (record.experiment, form))
    names = [name for name in ours | theirs if name != "optimizer.lr" and ours.get(name) != theirs.get(name)]
    return [*(() if same_images else ("dataset",)), *names]


def _settings(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _settings(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return found


def _key(run: Run) -> str:
    return f"find_lr.choice.{run.id}"
