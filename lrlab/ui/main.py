"""The navigation script: every page passes through here, and so does whoever has yet to sign in."""

from pathlib import Path

import streamlit as st

from lrlab.errors import LabError
from lrlab.rights import may
from lrlab.ui import people
from lrlab.ui.chip import chip
from lrlab.ui.fields import refusal
from lrlab.ui.places import PAGES
from lrlab.ui.signing_in import sign_in, sign_out

TITLES = {
    "schedule": "Schedule",
    "gallery": "Gallery",
    "images": "Images",
    "find_lr": "Find LR",
    "train": "Train",
    "compare": "Compare",
    "lab": "Lab",
}
"""The pages in their order, by the names of their files. Each has an entry in the table of rights."""

STYLE = """
<style>
.stMainBlockContainer { max-width: 1400px; padding-top: 4.2rem; padding-bottom: 3rem; }
.stMainBlockContainer h1 { font-size: 1.7rem; padding: 0 0 0.2rem; }
.stMain { font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; } }
</style>
"""

st.set_page_config(page_title="lrlab", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
st.html(STYLE)
try:
    visitor = people.visitor()
except LabError as error:  # the lab's settings have a fault: nobody can be told from anybody
    refusal(str(error))
    st.stop()
pages = [
    st.Page(PAGES / f"{name}.py", title=title, default=name == "schedule")
    for name, title in TITLES.items()
    if visitor is None or may(visitor, f"open {title}")
]
if visitor is None:
    st.navigation(pages, position="hidden")  # the addresses are known, and every one of them asks for the sign-in
    sign_in()
    st.stop()
leave = sign_out(visitor)
page = st.navigation({"": pages, **leave} if leave else pages, position="top")
chip()
try:
    page.run()
except LabError as error:  # what the page itself knows no better answer to, such as a lab that may not be opened
    refusal(str(error))
