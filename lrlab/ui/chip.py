"""The quiet chip at the top right: what the lab is doing. It asks a route now and then; no page runs for it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from lrlab.ui.plot import addresses

HERE = Path(__file__).parent

_component = st.components.v2.component(
    "lrlab_chip",
    html='<div class="lrlab-chip" role="status"><a href="lab" title="Show the lab"></a></div>',
    css=(HERE / "chip.css").read_text(encoding="utf-8"),
    js=(HERE / "chip.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def chip() -> None:
    """Mounts the chip; it lies over the header and takes no room on the page."""
    _component(data={"api": addresses()["api"]}, key="chip")
