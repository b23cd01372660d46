"""The Schedule page's address: it holds the schedule, and a button copies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from lrlab.ui.carried import QUERY, Shared
from lrlab.ui.plot import HERE as PLOT
from lrlab.ui.plot import joined

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "lrlab_share",
    html='<div class="lrlab-share"></div>',
    css=joined(HERE, ("share.css",)),
    js=joined(PLOT, ("element.js",)) + joined(HERE, ("share.js",)),
    isolate_styles=False,
)


def share(shared: Shared, texts: Mapping[str, str], key: str) -> None:
    """Draws the button. The browser replaces its own address, so that going back leads to the page before and not to an
    earlier touch of a slider.
    """
    data = {"query": QUERY, **asdict(shared), "texts": dict(texts)}
    _component(data=data, key=key, width="content")
