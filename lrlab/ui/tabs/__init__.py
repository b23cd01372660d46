"""What lies below the composer: the schedule as code, code read into it, its numbers, what it is. Only the open tab is
made."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lrlab.charts import PreviewState
from lrlab.ui import tabs_texts as texts
from lrlab.ui.tabs.about import about
from lrlab.ui.tabs.code import code
from lrlab.ui.tabs.paste import paste
from lrlab.ui.tabs.table import table

__all__ = ["below"]


def below(state: PreviewState) -> None:
    """Draws the tabs for the schedule that was composed last."""
    tabs: dict[str, Callable[[PreviewState], None]] = {
        texts.CODE: code,
        texts.PASTE: paste,
        texts.TABLE: table,
        texts.ABOUT: about,
    }
    drawn = st.tabs(list(tabs), key="below", on_change="rerun")
    for tab, make in zip(drawn, tabs.values(), strict=True):
        if tab.open:
            with tab:
                make(state)
