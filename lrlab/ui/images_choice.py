"""Which data set the Images page shows: what was chosen here, else the address's, else Train's, else the newest."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lrlab.datasets import Dataset
from lrlab.errors import NotFound
from lrlab.home import Home
from lrlab.runs import FINAL, list_runs

QUERY = "dataset"
CARRIED = "dataset"
"""In the session: the name of the chosen data set, which Train offers."""

WIDGET = "images_choice"


def settle(names: Sequence[str]) -> bool:
    """Puts the choice among `names` (not empty, the newest first) into its widget's state.

    False where the page's address names a data set that is not there.
    """
    asked = st.query_params.get(QUERY)
    if st.session_state.get(WIDGET) not in names:
        wanted = (asked, st.session_state.get(CARRIED))
        st.session_state[WIDGET] = next((name for name in wanted if name in names), names[0])
        return asked is None or asked in names
    return True


def carry(name: str) -> None:
    """Tells Train and the page's address what is shown."""
    st.session_state[CARRIED] = name
    st.query_params[QUERY] = name


def forget() -> None:
    """After a deletion: nothing is chosen."""
    for key in (WIDGET, CARRIED):
        st.session_state.pop(key, None)
    st.query_params.pop(QUERY, None)


def users(home: Home, dataset: Dataset) -> list[str]:
    """Names of the runs that still need `dataset`: waiting, running or stalled ones."""
    names = []
    for run in list_runs(home, None):
        try:
            record = run.record
            if record.dataset.id == dataset.id and run.state not in FINAL:
                names.append(record.name)
        except NotFound:  # deleted while we looked
            continue
    return names
