"""Answers of the helper process that a page waits for: it is drawn anew once one of them is there."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import streamlit as st

WAITING = "waiting"
"""In the session: the answers that the page waits for."""

LOOK = 0.5
"""Seconds between two looks for an answer."""


def wait_for(answer: Future[Any]) -> None:
    """The page is to be drawn anew once `answer` is there."""
    st.session_state.setdefault(WAITING, []).append(answer)


def watch() -> None:
    """Looks for what is waited for. To be called at the end of the page: a look that came before the browser has all
    widgets would bring their old values back."""
    waiting = st.session_state.pop(WAITING, [])
    if waiting:
        st.fragment(_look, run_every=LOOK)(waiting)


def _look(waiting: list[Future[Any]]) -> None:
    if any(answer.done() for answer in waiting):
        st.rerun()
