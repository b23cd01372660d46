"""Whose something is and who else sees it, where people sign in. With one local user nothing is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from lrlab.datasets import Dataset
from lrlab.desk import Desk
from lrlab.errors import LabError
from lrlab.rights import Owned
from lrlab.runs import Run
from lrlab.ui.fields import refusal

YOURS = "Yours."
OF = "Of {owner}."
OF_THE_LAB = "Of the lab."
SEEN = "The class sees it."
SHARE = "Share with the class"
SHARE_RUN = "Everyone who signs in can watch this run, compare with it and take its files. They cannot change it."
SHARE_IMAGES = "Everyone who signs in can see these images and train on them. They cannot delete them."

REFUSED = "belonging.refused"
"""In the session: why the last change was refused."""


def whose(desk: Desk, thing: Owned) -> str:
    """The owner's address, where it is not the person at the desk; empty where nothing needs to be said."""
    if desk.mine(thing):
        return ""
    return thing.owner or "the lab"


def belonging(desk: Desk, run: Run) -> None:
    """Says whose a run is, and lets its owner share it with the class."""
    if desk.person.role != "local":
        may = desk.may("share a run with the class", run.record)
        _said(desk, run.record, f"run.{run.id}", SHARE_RUN if may else "", lambda shared: desk.share(run.id, shared))


def belonging_of_images(desk: Desk, dataset: Dataset) -> None:
    """Says whose a data set is, and lets its owner share it with the class."""
    if desk.person.role != "local":
        may = desk.may("share a data set with the class", dataset)
        key, help = f"images.{dataset.id}", SHARE_IMAGES if may else ""
        _said(desk, dataset, key, help, lambda shared: desk.share_dataset(dataset.id, shared))


def with_owners(desk: Desk, frame: pd.DataFrame, runs: Sequence[Run]) -> pd.DataFrame:
    """`frame` (of `runs.table`) with a column of the runs' owners, where people sign in."""
    if desk.person.role == "local":
        return frame
    owners = {run.id: run.record.owner for run in runs}
    return frame.assign(owner=frame["id"].map(owners))


def _said(desk: Desk, thing: Owned, name: str, help: str, share: Callable[[bool], object]) -> None:
    """One line: the owner, and the switch where `help` says what it does."""
    key = f"share.{name}"

    def changed() -> None:
        try:
            share(bool(st.session_state[key]))
        except LabError as error:
            st.session_state[REFUSED] = str(error)

    owner = whose(desk, thing)
    words = YOURS if not owner else OF.format(owner=owner) if thing.owner else OF_THE_LAB
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(words if help or not thing.shared else f"{words} {SEEN}", width="content")
        if help:
            st.session_state[key] = thing.shared
            st.toggle(SHARE, key=key, help=help, on_change=changed, width="content")
    if REFUSED in st.session_state:
        refusal(st.session_state.pop(REFUSED))
