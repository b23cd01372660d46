"""The end of a dialog that asks before something is done: its two buttons, and what came of the first."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lrlab.errors import LabError
from lrlab.ui.fields import refusal

REFUSED, DONE = "asking.refused", "asking.done"
"""In the session: what came of the button."""


def begin() -> None:
    """Forgets what came of an earlier dialog. To be called outside of one, before it is opened."""
    for leftover in (REFUSED, DONE):
        st.session_state.pop(leftover, None)


def settle(yes: str, no: str, deed: Callable[[], object]) -> None:
    """Draws the buttons `yes`, which does `deed`, and `no`. The dialog closes when it is done, and says why when it
    cannot be."""
    if st.session_state.pop(DONE, False):
        st.rerun()
    if REFUSED in st.session_state:
        refusal(st.session_state[REFUSED])
    with st.container(horizontal=True):
        st.button(yes, type="primary", key="dialog.yes", on_click=_attempt, args=(deed,))
        if st.button(no, key="dialog.no"):
            st.rerun()


def _attempt(deed: Callable[[], object]) -> None:
    try:
        deed()
    except LabError as error:
        st.session_state[REFUSED] = str(error)
    else:
        st.session_state[DONE] = True
