"""Experiments to start from: a list that opens beside Start, and settings that other pages put into the form."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lrlab.experiments import EXPERIMENT_PRESETS
from lrlab.ui import texts, train_state
from lrlab.ui.markdown import plain
from lrlab.ui.train_state import DATASET

TAKEN = "train.presets.taken"
"""In the session: how often a preset was taken. Each time the list is another one, which begins closed."""


def choice(datasets: Sequence[str]) -> None:
    """Draws the list; a preset fills the form, with the data set that is chosen there."""
    taken = st.session_state.get(TAKEN, 0)
    with st.popover(texts.TRAIN["presets"], width="content", key=f"train.presets.{taken}"):
        st.caption(texts.TRAIN["presets_line"])
        for preset in EXPERIMENT_PRESETS.values():
            source, address = preset.source
            what, use = st.columns([5, 1], vertical_alignment="center")
            what.markdown(f"**{plain(preset.title)}**  \n{plain(preset.line)} [{plain(source)}]({address})")
            use.button(
                texts.TRAIN["preset_use"],
                key=f"train.preset.{preset.name}",
                on_click=take,
                args=(preset.name, datasets[0]),
            )


def take(name: str, otherwise: str) -> None:
    """Puts the preset into the form, on the data set chosen there, else on `otherwise`."""
    st.session_state[TAKEN] = st.session_state.get(TAKEN, 0) + 1
    train_state.fill(EXPERIMENT_PRESETS[name].experiment(st.session_state.get(DATASET, otherwise)))
