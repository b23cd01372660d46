"""Train: say what a run shall be, start it, and watch it."""

import streamlit as st

from lrlab import jobs
from lrlab.datasets import SAMPLE_NAME, Sample
from lrlab.errors import LabError, NotFound
from lrlab.runs import FINAL, Run, log_end
from lrlab.ui import onward, people, places, texts, waiting
from lrlab.ui.belonging import belonging
from lrlab.ui.evaluation import evaluation
from lrlab.ui.fields import refusal
from lrlab.ui.run_list import EVERY, run_list
from lrlab.ui.style import STYLE
from lrlab.ui.train_form import train_form

DRAWING, FAILED = "train.drawing", "train.drawing_failed"
"""In the session: the import that draws the sample set, and why the last one failed."""
words = texts.TRAIN
desk = people.desk()


def chosen(runs: list[Run]) -> Run | None:
    """The run to show: the address's, else their own that is at work, unless a new one was asked for."""
    asked = st.query_params.get("run")
    if asked:
        try:
            run = desk.run(asked)
            if run.record.kind == "train":
                return run
            st.warning(words["missing_run"])
        except NotFound:
            st.warning(words["missing_run"])
        except LabError as error:  # of a later lrlab, or damaged
            refusal(str(error))
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
        st.session_state.pop(FAILED, None)
        try:
            st.session_state[DRAWING] = desk.start_import(Sample(), SAMPLE_NAME)
        except LabError as error:  # another tab was faster
            refusal(str(error))
    if FAILED in st.session_state:
        refusal(st.session_state[FAILED])
    if DRAWING in st.session_state:
        st.fragment(drawing, run_every=0.3)(st.session_state[DRAWING])


def drawing(import_id: str) -> None:
    """How far the sample set is, which a process of its own draws; the form takes this place when it is there."""
    status = desk.importing(import_id)
    if status.error or status.ended:
        del st.session_state[DRAWING]
        if status.error:
            st.session_state[FAILED] = status.error
        st.rerun()
    share = min(status.done / status.total, 1.0) if status.total else 0.0
    st.progress(share, words["sample_progress"])


def below(run: Run) -> None:
    """What belongs to the run beside its charts."""
    settings, log = st.columns(2)
    with settings, st.expander(words["settings"]):
        st.button(words["again"], key="train.again", on_click=onward.again, args=(run.record, {}))
        st.caption(words["settings_help"])
        st.code(run.experiment.model_dump_json(indent=1), language="json")
    with log, st.expander(words["log"]):
        st.code(log_end(run.worker_log) or words["no_log"], language=None, height=260)


def recent(shown: Run | None, busy: bool) -> None:
    """The newest runs; looked at again now and then while one is at work, and the page anew when none is any more."""
    run_list(desk, desk.runs(), shown.id if shown else None, "run_list", opened)
    if st.session_state.run_list.open or (busy and not at_work()):
        st.rerun()


def at_work() -> bool:
    lab = jobs.lab_status(desk.home)
    return lab.running + lab.queued > 0


onward.go()
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
    onward.live(desk, [run], key=f"live-{run.id}")
    st.page_link(places.COMPARE, label=words["compare"], query_params={"runs": run.id})
    evaluation(desk, run)
    below(run)
if runs:
    st.markdown(f"##### {words['runs']}")
    busy = at_work()
    st.fragment(recent, run_every=EVERY if busy else None)(run, busy)
waiting.watch()
