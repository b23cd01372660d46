"""Lab: what is at work and waits, the machine, the disk, and making room on it."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from lrlab.disk import amount, disk_use, measure_soon
from lrlab.errors import LabError, NotFound
from lrlab.home import lab_home
from lrlab.jobs.cleaning import delete_checkpoints, with_checkpoints
from lrlab.ui import people, places
from lrlab.ui.fields import refusal
from lrlab.ui.lab import lab, texts
from lrlab.ui.style import STYLE

OPENED, ASKED = "lab.opened", "lab.asked"
"""In the session: what the control asked for, until the page has seen to it."""
REFUSED, DONE = "lab.refused", "lab.done"
home = lab_home()
desk = people.desk()


def opened() -> None:
    """A page can be left only while it is drawn."""
    st.session_state[OPENED] = st.session_state.lab.open


def asked() -> None:
    for leftover in (REFUSED, DONE):
        st.session_state.pop(leftover, None)
    st.session_state[ASKED] = st.session_state.lab.ask


def leave(to: dict[str, str]) -> None:
    """To the page of what was chosen."""
    if to["kind"] == "new":
        st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
    if to["kind"] == "dataset":
        st.switch_page(places.IMAGES, query_params={"dataset": to["id"]})
    st.switch_page(places.FIND_LR if to["kind"] == "find_lr" else places.TRAIN, query_params={"run": to["id"]})


def attempt(deed: Callable[[], object]) -> None:
    """What a dialog's button does; the dialog closes when it is done and says why when it cannot be."""
    try:
        deed()
    except LabError as error:
        st.session_state[REFUSED] = str(error)
    else:
        st.session_state[DONE] = True


def settle(deed: Callable[[], object]) -> None:
    """The end of a dialog: its two buttons, and what came of the first."""
    if st.session_state.pop(DONE, False):
        st.rerun()
    if REFUSED in st.session_state:
        refusal(st.session_state[REFUSED])
    with st.container(horizontal=True):
        st.button(texts.DELETE_YES, type="primary", key="dialog.yes", on_click=attempt, args=(deed,))
        if st.button(texts.CANCEL, key="dialog.no"):
            st.rerun()


@st.dialog(texts.DELETE_RUN)
def ask_delete(run_id: str, name: str) -> None:
    st.text(name)
    st.write(texts.DELETE_RUN_WHAT)
    settle(lambda: delete(run_id))


def delete(run_id: str) -> None:
    with suppress(NotFound):  # another tab was faster
        desk.delete(run_id)
    measure_soon(home)


@st.dialog(texts.CHECKPOINTS)
def ask_checkpoints() -> None:
    use, runs = disk_use(home), with_checkpoints(home)
    st.text(texts.checkpoints_size(len(runs), amount(sum(use.checkpoints.get(run, 0) for run in runs) if use else 0)))
    st.write(texts.CHECKPOINTS_WHAT)
    settle(lambda: clear_checkpoints(runs))


def clear_checkpoints(runs: list[str]) -> None:
    desk.demand("clean up the lab")
    delete_checkpoints(home, runs)


st.html(STYLE)
st.title(texts.TITLE)
st.write(texts.LEAD)
if OPENED in st.session_state:
    leave(st.session_state.pop(OPENED))
lab(texts.CONTROL, key="lab", on_open=opened, on_ask=asked)
if question := st.session_state.pop(ASKED, None):
    if question["deed"] == "checkpoints":
        ask_checkpoints()
    else:
        with suppress(NotFound):
            ask_delete(question["id"], desk.run(question["id"], "delete a run").record.name)
