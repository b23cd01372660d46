"""The schedule in the form of a new run: the choice, and what it does in a run of that length."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from lrlab.schedules import (
    CATALOGUE,
    Check,
    Composition,
    ScheduleSpec,
    check,
    curve,
    example_metrics,
    label,
    sentences,
)
from lrlab.ui import carried, places, texts
from lrlab.ui.markdown import plain
from lrlab.ui.sparkline import sparkline
from lrlab.ui.specimens import plain_schedule

COMPOSED = "composed"
"""The choice of the schedule that was composed on the Schedule page; the others are schedulers by their names."""

CHOICE = "train.schedule"
CALLED = "train.schedule.called"
"""In the session: the choices by every text that they have had."""

MOST_CHECKS = 3


def specs(composition: Composition | None, run: Composition) -> dict[str, ScheduleSpec]:
    """The schedules to choose from: what was composed, and every scheduler with values that suit `run`."""
    plain_ones = {name: plain_schedule(name, run) for name in CATALOGUE}
    return {COMPOSED: composition.schedule, **plain_ones} if composition else plain_ones


def settle(otherwise: str) -> None:
    """Gives the choice a first value. A browser tells a choice by its text, which changes with the run: what was chosen
    by an older text is found by it."""
    held = st.session_state.setdefault(CHOICE, otherwise)
    if held != COMPOSED and held not in CATALOGUE:
        st.session_state[CHOICE] = st.session_state.get(CALLED, {}).get(held, otherwise)


def choose(offered: Mapping[str, ScheduleSpec]) -> None:
    """Draws the choice of one of `specs`."""
    named = {name: label(spec) for name, spec in offered.items()}
    if COMPOSED in named:
        recipe = carried.recipe()
        named[COMPOSED] = texts.TRAIN["composed"] + (recipe.title if recipe else named[COMPOSED])
    st.session_state.setdefault(CALLED, {}).update({text: name for name, text in named.items()})
    st.selectbox(
        texts.TRAIN["schedule"],
        list(named),
        format_func=named.__getitem__,
        key=CHOICE,
        persist_state="session",
        help=texts.TRAIN["schedule_help"],
    )


def explain(run: Composition | None, composition: Composition | None, drawable: bool) -> None:
    """Draws the schedule small and in words, says what it means that the run is longer or shorter than composed, and
    offers to fit it.

    `run`: the chosen schedule on the run that was entered, None where that comes to none. `drawable`: whether it has a
    curve there; the form says why not.
    """
    composed = composition if st.session_state[CHOICE] == COMPOSED else None
    found = _new_checks(run, composed) if run and composed else []
    note = _length_note(run, composed) if run and composed and not found else ""
    # A recipe is fitted as a whole; its parts are not repaired one by one.
    recipe = carried.recipe() if composed else None
    repairs = [] if recipe else [(place, fault) for place, fault in enumerate(found) if fault.repair]
    with st.container(horizontal=True, vertical_alignment="center"):
        if run and drawable:
            schedule, steps = run.schedule, run.steps_per_epoch
            drawn = curve(schedule, run.lr, run.epochs, steps, example_metrics(schedule, run.epochs))
            sparkline(drawn.lr)
            words = [*sentences(drawn)[:2], *texts.schedule_notes(schedule, composed), note]
            st.markdown(f"**{plain(label(schedule))}**. {plain(' '.join(filter(None, words)))}", width="stretch")
        else:
            for place, fault in repairs:
                _repair(fault, place)
        if run and recipe and (found or note) and st.button(texts.TRAIN["fit"], key="train.fit"):
            carried.push(carried.fitted(None, run))
            st.rerun()
        if st.button(texts.TRAIN["to_schedule"], key="train.to_schedule", type="tertiary"):
            if run:
                carried.push(carried.fitted(None if composed else run.schedule, run))
            st.switch_page(places.SCHEDULE)
    if drawable:
        for place, fault in enumerate(found):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(fault.sentence), width="content")
                if (place, fault) in repairs:
                    _repair(fault, place)


def _repair(fault: Check, place: int) -> None:
    assert fault.repair is not None
    if st.button(fault.repair.label, key=f"train.repair.{place}"):
        carried.push(carried.with_composition(fault.repair.composition))
        st.rerun()


def _new_checks(run: Composition, composed: Composition) -> list[Check]:
    """What is to be said of the composed schedule only because this run is another than the one it was composed for."""
    known = {(fault.name, fault.path) for fault in check(composed.model_copy(update={"metric": run.metric}))}
    return [fault for fault in check(run) if (fault.name, fault.path) not in known][:MOST_CHECKS]


def _length_note(run: Composition, composed: Composition) -> str:
    return texts.length_note(
        run.schedule.interval, (composed.epochs, composed.steps_per_epoch), (run.epochs, run.steps_per_epoch)
    )
