"""The schedule as code to take away."""

from __future__ import annotations

import streamlit as st

from lrlab.charts import PreviewState, logged_metric
from lrlab.errors import LabError
from lrlab.experiments import OPTIMIZERS
from lrlab.schedules import Composition, json_code, keras_code, pytorch_code
from lrlab.ui import tabs_texts as texts
from lrlab.ui.fields import refusal

LANGUAGES = {"pytorch": "python", "keras": "python", "json": "json"}
HEIGHT = 420


def code(state: PreviewState) -> None:
    """Draws the choice of a format and the code, which has a button that copies it."""
    head = st.container(horizontal=True, vertical_alignment="bottom")
    with head:
        written_as = st.segmented_control(
            texts.FORMAT, list(texts.FORMATS), format_func=texts.FORMATS.__getitem__, default="pytorch",
            required=True, key="code.format", persist_state="session",
        )  # fmt: skip
        optimizer = "Adam"
        if written_as == "pytorch":
            optimizer = st.selectbox(
                texts.OPTIMIZER, list(OPTIMIZERS), index=list(OPTIMIZERS).index(optimizer), width=160,
                key="code.optimizer", persist_state="session",
            )  # fmt: skip
    try:
        text = _written(state.composition, written_as, optimizer)
    except LabError as error:
        refusal(str(error))
        return
    st.caption(texts.CODE_HELP[written_as])
    st.code(text, language=LANGUAGES[written_as], height=HEIGHT)
    name = texts.FILES[written_as]
    head.download_button(texts.DOWNLOAD.format(name=name), text, name, on_click="ignore", key="code.download")


def _written(composition: Composition, written_as: str, optimizer: str) -> str:
    if written_as == "keras":
        return keras_code(composition)
    if written_as == "json":
        return json_code(composition)
    return pytorch_code(composition, optimizer, logged_metric(composition))
