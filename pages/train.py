"""Train: say what a run shall be, start it, and watch it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lrlab import jobs
from lrlab.datasets import SAMPLE_NAME, Sample
from lrlab.errors import LabError, NotFound
from lrlab.runs import FINAL, Run, with_changes
from lrlab.ui import people, places, texts, train_state, waiting
from lrlab.ui.belonging import belonging
from lrlab.ui.evaluation import evaluation
from lrlab.ui.fields import refusal
from lrlab.ui.plot import plot
from lrlab.ui.run_list import run_list
from lrlab.ui.style import STYLE
from lrlab.ui.train_form import train_form

RECENT = 8
DRAWING = "train.drawing"
"""In the session: the import that draws the sample set."""
TO_FIND_LR = "train.to_find_lr"
"""In the session: a button that leads to the LR finder was pressed."""
words = texts.TRAIN
desk = people.desk()


def chosen(runs: list[Run]) -> Run | None:
    """The run to show: the address's, else their own that is at work, unless a new one was asked for."""
    asked = st.query_params.get("run")
    if asked:
        try:
            return desk.run(asked)
        except NotFound:
            st.warning(words["missing_run"])
            del st.query_params["run"]
            return None
    if "new" in st.query_params:
        return None
    return next((run for run in reversed(runs) if run.state not in FINAL and desk.mine(run.record)), None)


def opened() -> None:
    st.query_params.from_dict({"run": st.session_state.run_list.open})


def start() -> None:
    """The form; a run that was started takes its place."""
    names = [dataset.name for dataset in desk.datasets()]
    if not names:
        first_images()
        return
    experiment = train_form(desk, names)
    if experiment is None:
        return
    try:
        with st.spinner(words["starting"]):
            run = desk.submit(experiment)
    except LabError as error:  # the data set went away since the form was drawn
        refusal(str(error))
    else:
        st.query_params.from_dict({"run": run.id})
        st.rerun()


def first_images() -> None:
    st.write(words["no_images"])
    with st.container(horizontal=True):
        made = st.button(words["sample"], type="primary", key="train.sample")
        if st.button(words["bring"], key="train.bring"):
            st.switch_page(places.IMAGES)
    if made:
        try:
            st.session_state[DRAWING] = desk.start_import(Sample(), SAMPLE_NAME)
        except LabError as error:  # another tab was faster
            refusal(str(error))
    if DRAWING in st.session_state:
        st.fragment(drawing, run_every=0.3)(st.session_state[DRAWING])


def drawing(import_id: str) -> None:
    """How far the sample set is, which a process of its own draws; the form takes this place when it is there."""
    status = desk.importing(import_id)
    if status.error:
        refusal(status.error)
    elif status.ended:
        st.session_state.pop(DRAWING, None)
        st.rerun()
    else:
        share = min(status.done / status.total, 1.0) if status.total else 0.0
        st.progress(share, words["sample_progress"])


def below(run: Run) -> None:
    """What belongs to the run beside its charts."""
    settings, log = st.columns(2)
    with settings, st.expander(words["settings"]):
        st.button(words["again"], key="train.again", on_click=again, args=(run, {}))
        st.caption(words["settings_help"])
        st.code(run.experiment.model_dump_json(indent=1), language="json")
    with log, st.expander(words["log"]):
        st.code(worker_log(run) or words["no_log"], language=None, height=260)


def again(run: Run, changes: Mapping[str, Any]) -> None:
    """The form with the settings of `run`, some of them changed."""
    train_state.fill(with_changes(run.experiment, changes), run.record.steps_per_epoch)
    st.query_params.from_dict(places.NEW_RUN)


def tried(run: Run) -> None:
    """What a button beside the charts asked for: another run, or a search for an LR with this one's settings."""
    asked = st.session_state[live_key(run)].tried
    again(run, asked["changes"])
    st.session_state[TO_FIND_LR] = asked["deed"] == "find_lr"


def live_key(run: Run) -> str:
    return f"live-{run.id}"


def live(run: Run) -> None:
    """The charts of the run, and what can be done to it."""
    plot(
        "live",
        {"runs": [run.id], "texts": texts.LIVE},
        key=live_key(run),
        on_ended_change=lambda: None,
        on_resumed_change=lambda: None,
        on_tried_change=lambda: tried(run),
    )


def worker_log(run: Run) -> str:
    return run.worker_log.read_text(errors="replace")[-20_000:] if run.worker_log.is_file() else ""


def recent(shown: Run | None, busy: bool) -> None:
    """The newest runs; looked at again now and then while one is at work, and the page anew when none is any more."""
    runs = desk.runs()[:RECENT]
    run_list(desk, runs, shown.id if shown else None, "run_list", opened)
    if st.session_state.run_list.open or (busy and not at_work()):
        st.rerun()


def at_work() -> bool:
    lab = jobs.lab_status(desk.home)
    return lab.running + lab.queued > 0


if st.session_state.pop(TO_FIND_LR, False):
    st.switch_page(places.FIND_LR)
st.html(STYLE)
runs = desk.runs()
run = chosen(runs)
st.title(words["title"])
if run is None:
    st.write(words["lead"])
    start()
else:
    with st.expander(words["new"]):
        start()
    belonging(desk, run)
    live(run)
    evaluation(desk, run)
    below(run)
if runs:
    st.markdown(f"##### {words['runs']}")
    busy = at_work()
    st.fragment(recent, run_every=3 if busy else None)(run, busy)
waiting.watch()
