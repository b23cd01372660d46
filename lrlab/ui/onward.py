"""From a run to something else: its charts, whose buttons and names lead on, and the form with its settings.

A callback says where to; the page goes there, since a page can be left only while it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from lrlab.desk import Desk
from lrlab.errors import NotFound
from lrlab.runs import Run, RunRecord
from lrlab.ui import places, texts, train_state
from lrlab.ui.plot import plot

TO = "onward.to"
"""In the session: the page that was asked for and its query, until the page goes there."""


def lead(page: Path, query: Mapping[str, str]) -> None:
    """Asks, in a callback, for another page."""
    st.session_state[TO] = (page, dict(query))


def go() -> None:
    """Leaves for the page that a callback has asked for, if one has. To be called before anything is drawn."""
    if TO in st.session_state:
        page, query = st.session_state.pop(TO)
        st.switch_page(page, query_params=query)


def again(record: RunRecord, changes: Mapping[str, Any], page: Path = places.TRAIN) -> None:
    """Leads, in a callback, to the form with the settings of a run, some of them changed."""
    train_state.fill_from(record, changes)
    lead(page, places.NEW_RUN if page == places.TRAIN else {})


def live(desk: Desk, runs: Sequence[Run], key: str, *, opens: bool = False) -> None:
    """The charts of `runs`, what can be done to them, and what to try next. `opens`: a name leads to the run's page."""

    def tried() -> None:
        asked = st.session_state[key].tried
        try:
            record = desk.run(asked["run"]).record
        except NotFound:  # deleted meanwhile, which the charts tell
            return
        again(record, asked["changes"], places.FIND_LR if asked["deed"] == "find_lr" else places.TRAIN)

    plot(
        "live",
        {"runs": [run.id for run in runs], "opens": opens, "texts": texts.LIVE},
        key=key,
        on_ended_change=lambda: None,
        on_resumed_change=lambda: None,
        on_tried_change=tried,
        on_opened_change=lambda: lead(places.TRAIN, {"run": st.session_state[key].opened}),
    )
