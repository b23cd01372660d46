"""Lab: what is at work and waits, the machine, the disk, and making room on it."""

from contextlib import suppress

import streamlit as st

from lrlab.disk import amount, disk_use, measure_soon
from lrlab.errors import NotFound
from lrlab.home import lab_home
from lrlab.jobs.cleaning import delete_checkpoints, with_checkpoints
from lrlab.ui import asking, people, places
from lrlab.ui.lab import lab, texts
from lrlab.ui.style import STYLE

OPENED, ASKED = "lab.opened", "lab.asked"
"""In the session: what the control asked for, until the page has seen to it."""
home = lab_home()
desk = people.desk()


def opened() -> None:
    """A page can be left only while it is drawn."""
    st.session_state[OPENED] = st.session_state.lab.open


def asked() -> None:
    asking.begin()
    st.session_state[ASKED] = st.session_state.lab.ask


def leave(to: dict[str, str]) -> None:
    """To the page of what was chosen."""
    if to["kind"] == "new":
        st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
    if to["kind"] == "dataset":
        st.switch_page(places.IMAGES, query_params={"dataset": to["id"]})
    st.switch_page(places.FIND_LR if to["kind"] == "find_lr" else places.TRAIN, query_params={"run": to["id"]})


@st.dialog(texts.DELETE_RUN)
def ask_delete(run_id: str, name: str) -> None:
    st.text(name)
    st.write(texts.DELETE_RUN_WHAT)
    asking.settle(texts.DELETE_YES, texts.CANCEL, lambda: delete(run_id))


def delete(run_id: str) -> None:
    with suppress(NotFound):  # another tab was faster
        desk.delete(run_id)
    measure_soon(home)


@st.dialog(texts.CHECKPOINTS)
def ask_checkpoints() -> None:
    use, runs = disk_use(home), with_checkpoints(home)
    st.text(texts.checkpoints_size(len(runs), amount(sum(use.checkpoints.get(run, 0) for run in runs) if use else 0)))
    st.write(texts.CHECKPOINTS_WHAT)
    asking.settle(texts.DELETE_YES, texts.CANCEL, lambda: clear_checkpoints(runs))


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
