"""What a person takes along from page to page: the composed schedule, in the session and in the page's address."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st
from pydantic import ValidationError

from lrlab.charts import PreviewState
from lrlab.errors import LabError, from_validation
from lrlab.schedules import Composition

QUERY = "schedule"


def preview_state() -> tuple[PreviewState, str]:
    """The Schedule page's state: the session's, else the address's, else the first; and a complaint about it."""
    if "preview_state" not in st.session_state:
        state, complaint = _from_address(st.query_params.get(QUERY))
        st.session_state.preview_state, st.session_state.preview_complaint = state, complaint
    return st.session_state.preview_state, st.session_state.preview_complaint


def composition() -> Composition | None:
    """The schedule composed in this session; None when the Schedule page was not used yet."""
    state = st.session_state.get("preview_state")
    return state.composition if state else None


def remember(raw: Any) -> None:
    """Keeps what the composer sent; the address then holds the schedule, so that a reload and a copied link show it."""
    if raw is None:
        return
    try:
        state = PreviewState.model_validate(raw)
        state.composition.curve()
    except (ValidationError, LabError):
        # The composer shows the refusal beside the control at fault; what was last legal stays.
        return
    if state == st.session_state.get("preview_state"):
        return  # the composer's first word; what is said about a link stays until something is changed
    st.session_state.preview_state, st.session_state.preview_complaint = state, ""
    st.query_params[QUERY] = to_text(state.composition)


def to_text(value: Composition) -> str:
    """A composition as compact JSON, without what is default in it."""
    return json.dumps(value.model_dump(mode="json", exclude_none=True), separators=(",", ":"))


def _from_address(text: str | None) -> tuple[PreviewState, str]:
    if not text:
        return PreviewState(), ""
    try:
        composed = Composition.model_validate_json(text)
        composed.curve()
    except ValidationError as error:
        return PreviewState(), str(from_validation(error))
    except LabError as error:
        return PreviewState(), str(error)
    return PreviewState(composition=composed), ""
