"""Find LR: a short training in which the LR grows, what the curve suggests, and the way on with one of the LRs."""

import streamlit as st

from lrlab.errors import LabError, NotFound
from lrlab.runs import FINAL, Run, RunStatus, log_end
from lrlab.ui import find_lr_texts as texts
from lrlab.ui import people, places
from lrlab.ui.belonging import belonging
from lrlab.ui.fields import refusal
from lrlab.ui.find_lr_form import find_lr_form
from lrlab.ui.find_lr_result import found_in, pick, result
from lrlab.ui.plot import plot
from lrlab.ui.run_list import EVERY, run_list
from lrlab.ui.style import STYLE

words = texts.PAGE
desk = people.desk()


def chosen(searches: list[Run]) -> Run | None:
    """The search to show: the address's, else their own that is at work."""
    asked = st.query_params.get("run")
    if asked:
        try:
            run = desk.run(asked)
            if run.record.finder:
                return run
            st.warning(words["missing"])
        except NotFound:
            st.warning(words["missing"])
        except LabError as error:  # of a later lrlab, or damaged
            refusal(str(error))
        del st.query_params["run"]
    return next((run for run in reversed(searches) if run.state not in FINAL and desk.mine(run.record)), None)


def start(datasets: list[str]) -> None:
    """The form; a search that was started takes its place."""
    if not datasets:
        st.write(words["no_images"])
        if st.button(words["bring"], type="primary", key="find_lr.bring"):
            st.switch_page(places.IMAGES)
        return
    search = find_lr_form(desk, datasets)
    if search is None:
        return
    try:
        with st.spinner(words["starting"]):
            run = desk.submit(search.experiment, search.finder)
    except LabError as error:
        refusal(str(error))
    else:
        st.query_params.from_dict({"run": run.id})
        st.rerun()


def show(run: Run, datasets: list[str]) -> None:
    """A search: its chart, and what it suggests once it is over."""
    key = f"finder-{run.id}"

    def picked() -> None:
        pick(run, float(st.session_state[key].picked))

    belonging(desk, run)
    data = {"run": run.id, "texts": texts.CHART}
    plot("finder", data, key=key, on_ended_change=lambda: None, on_picked_change=picked)
    if run.state in FINAL:
        result(desk, run, datasets)
    settings, log = st.columns(2)
    with settings, st.expander(words["settings"]):
        st.caption(words["settings_help"])
        st.code(run.experiment.model_dump_json(indent=1), language="json")
    with log, st.expander(words["log"]):
        st.code(log_end(run.worker_log) or words["no_log"], language=None, height=260)


def opened() -> None:
    st.query_params.from_dict({"run": st.session_state.search_list.open})


def facts(run: Run, status: RunStatus) -> str:
    return texts.job_facts(status, found_in(run) if status.final else None)


def recent(shown: Run | None, live: bool) -> None:
    """The newest searches; looked at again now and then while one is at work, and the page anew when none is."""
    searches = desk.runs("find_lr")
    run_list(desk, searches, shown.id if shown else None, "search_list", opened, facts)
    if st.session_state.search_list.open or (live and not at_work(searches)):
        st.rerun()


def at_work(searches: list[Run]) -> bool:
    return any(run.state not in FINAL for run in searches)


st.html(STYLE)
st.title(words["title"])
datasets = [dataset.name for dataset in desk.datasets()]
searches = desk.runs("find_lr")
run = chosen(searches)
if run:
    with st.expander(words["new"]):
        start(datasets)
    show(run, datasets)
else:
    st.write(words["lead"])
    start(datasets)
if searches:
    st.markdown(f"##### {words['jobs']}")
    live = at_work(searches)
    st.fragment(recent, run_every=EVERY if live else None)(run, live)
