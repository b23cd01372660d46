"""The runs whose logged validation metric can be asked what ReduceLROnPlateau would have done."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from lrlab.home import Home
from lrlab.runs import list_runs, table

MOST = 50


def measured_runs(home: Home) -> list[dict[str, str]]:
    """Id and name of at most MOST runs that have validated, the newest first; looked at anew every few seconds."""
    return _measured(str(home.root))


@st.cache_data(ttl=5, max_entries=4, show_spinner=False)
def _measured(root: str) -> list[dict[str, str]]:
    known = table(list_runs(Home(Path(root)))[:MOST])
    known = known[known["val_loss"].notna() | known["val_accuracy"].notna()]
    return [{"id": id, "name": name} for id, name in zip(known["id"], known["name"], strict=True)]
