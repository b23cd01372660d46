"""What a person takes along from page to page: the composed schedule, in the session and in the page's address.

The session holds the composer's state and a number, its revision. The composer holds the state while it is on the page;
a higher revision tells it that Python has put another one in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError

from lrlab.charts import PreviewState, logged_metric, resolved
from lrlab.errors import LabError, NotFound
from lrlab.schedules import Composition, Logged, Recipe, ScheduleSpec, Synthetic, from_link, to_link
from lrlab.ui import tabs_texts as texts

QUERY = "schedule"
"""The name under which the Schedule page's address holds the schedule."""

STATE, COMPLAINT, REVISION, BEFORE = "preview_state", "preview_complaint", "preview_revision", "preview_before"
"""Where they are in the session."""


def preview_state() -> tuple[PreviewState, str]:
    """The composer's state: the session's, else the address's, else the first; and a complaint about the address."""
    if STATE not in st.session_state:
        st.session_state[STATE], st.session_state[COMPLAINT] = _from_address(st.query_params.get(QUERY))
    return st.session_state[STATE], st.session_state.get(COMPLAINT, "")


def composition() -> Composition | None:
    """The schedule composed in this session; None when no page has composed one yet."""
    state = st.session_state.get(STATE)
    return state.composition if state else None


def remember(raw: Any) -> None:
    """Keeps what the composer sent."""
    if raw is None:
        return
    try:
        state = resolved(PreviewState.model_validate(raw))
        _drawn(state.composition)
    except (ValidationError, LabError):
        # The composer shows the refusal beside the control at fault; what was last legal stays.
        return
    if state == st.session_state.get(STATE):
        return  # the composer's first word; what is said about a link stays until something is changed
    st.session_state[STATE], st.session_state[COMPLAINT] = state, ""
    st.session_state.pop(BEFORE, None)


def push(state: PreviewState) -> None:
    """Puts `state` into the composer, on this page or the next time it is shown: an edit that can be undone there."""
    before, _ = preview_state()
    st.session_state[STATE], st.session_state[COMPLAINT] = state, ""
    st.session_state[BEFORE] = before
    st.session_state[REVISION] = st.session_state.get(REVISION, 0) + 1


def recipe() -> Recipe | None:
    """The recipe that has become the composed schedule."""
    state = st.session_state.get(STATE)
    return state.recipe.recipe if state and state.recipe else None


def fitted(schedule: ScheduleSpec | None, run: Composition) -> PreviewState:
    """The composer's state on the LR and length of `run`, a recipe fitted to them; with `schedule` in place of the
    composed one."""
    state = st.session_state.get(STATE) or PreviewState()
    values = dict(state.composition) | {name: getattr(run, name) for name in ("lr", "epochs", "steps_per_epoch")}
    if isinstance(values["metric"], Logged):  # a run of another length
        values["metric"] = Synthetic()
    if schedule:
        return state.with_composition(Composition.model_validate({**values, "schedule": schedule}))
    return resolved(state.model_copy(update={"composition": Composition.model_validate(values)}))


def with_composition(composed: Composition) -> PreviewState:
    """The composer's state with this one's schedule and run; groups and metric stay."""
    state = st.session_state.get(STATE) or PreviewState()
    stay = {"groups": state.composition.groups, "metric": state.composition.metric}
    return state.with_composition(composed.model_copy(update=stay))


def pushed() -> dict[str, Any]:
    """For the composer: how often another state was put into it, and what the newest has replaced (None: nothing, or
    it was edited since)."""
    before = st.session_state.get(BEFORE)
    return {
        "revision": st.session_state.get(REVISION, 0),
        "before": before.model_dump(mode="json") if before else None,
    }


@dataclass(frozen=True)
class Shared:
    """The composed schedule for others. `link`: as text, empty where it is too long, which `refusal` then says.

    `address`: what the page's address is to hold of it; empty for the first schedule, which needs none, and None while
    the address is one that could not be read.
    """

    link: str
    refusal: str
    address: str | None


def shared() -> Shared:
    state, complaint = preview_state()
    try:
        link, refusal = to_link(state.composition), ""
    except LabError as error:
        link, refusal = "", str(error)
    address = "" if state.composition == Composition() else link
    return Shared(link, refusal, None if complaint else address)


def _drawn(composition: Composition) -> None:
    """LabError where the composition has no curve."""
    composition.curve(logged_metric(composition))


def _from_address(text: str | None) -> tuple[PreviewState, str]:
    if not text:
        return PreviewState(), ""
    try:
        composed = from_link(text)
        try:
            _drawn(composed)
        except NotFound:  # a run of another lab
            composed = composed.model_copy(update={"metric": Synthetic()})
            _drawn(composed)
            return PreviewState(composition=composed), texts.NO_RUN
    except LabError as error:
        return PreviewState(), texts.BAD_LINK + str(error)
    return PreviewState(composition=composed), ""
