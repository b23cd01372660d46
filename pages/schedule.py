"""Schedule, the landing page: compose a learning-rate schedule and see its curve."""

import streamlit as st

from lrlab.charts import composer_data
from lrlab.schedules import CATALOGUE, Composition, number, pytorch_code
from lrlab.ui import carried, places
from lrlab.ui import schedule_texts as texts
from lrlab.ui.fields import refusal
from lrlab.ui.plot import plot
from lrlab.ui.style import STYLE

state, complaint = carried.preview_state()


def settled() -> None:
    """The composer came to rest: the page's address and the parts below follow."""
    carried.remember(st.session_state.composer.state)


def chosen() -> None:
    """'Train with this' was pressed."""
    carried.remember(st.session_state.composer.train)
    st.session_state.go_to_train = True


def below(composition: Composition) -> None:
    """Code, numbers and explanation of the composition; only the open tab is made."""
    schedule = composition.schedule
    code, table, about = st.tabs([texts.CODE, texts.TABLE, texts.ABOUT], key="below", on_change="rerun")
    if code.open:
        text = pytorch_code(composition)
        code.code(text, language="python")
    if table.open:
        columns = composition.curve().by_epoch()
        rows = {name: [number(v) for v in values] if "LR" in name else values for name, values in columns.items()}
        table.dataframe(rows, hide_index=True, width="stretch", height=300)
    if about.open:
        entry = CATALOGUE[schedule.scheduler.name]
        about.write(entry.line)
        about.latex(entry.formula)
        about.write(entry.when)
        for parameter in entry.parameters:
            about.write(f"**{parameter.name}**: {parameter.help}")


st.html(STYLE)
st.title("Schedule")
st.write(texts.LEAD)
if complaint:
    refusal(texts.BAD_LINK + complaint)  # a link is a stranger's text: never through Markdown
plot(
    "preview",
    {**composer_data(state), "texts": texts.COMPOSER, "revision": carried.revision()},
    key="composer",
    on_state_change=settled,
    on_train_change=chosen,
)
if st.session_state.pop("go_to_train", False):
    st.switch_page(places.TRAIN, query_params=places.NEW_RUN)
below(state.composition)
