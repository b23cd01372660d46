"""Which data set the Images page shows: what was chosen here, else the address's, else Train's, else the newest."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

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
