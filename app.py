"""The ASGI application: `streamlit run app.py`. Navigation, routes and lifespan meet here; nothing else does."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from lrlab import charts, jobs, web
from lrlab.errors import LabError
from lrlab.home import Home, lab_home
from lrlab.ui import people
from lrlab.ui.places import PAGES

FIRST_PAGE = 4.0
"""Seconds that the first page has for itself before a worker is warmed; whoever starts a run sooner wakes it sooner."""


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Freezes what the imports left, so that later collections do not walk it, and sees that runs are attended to."""
    gc.collect()
    gc.freeze()
    web.answer_at_once()
    tasks = [asyncio.create_task(jobs.attend(lab_home(), FIRST_PAGE)), asyncio.create_task(web.give_memory_back())]
    with web.streams_end_with_server():
        yield {}
    for task in tasks:
        task.cancel()


def checked_home() -> Home:
    """The lab to serve; the process ends with a sentence where neither it nor its sign-in may be used as it is."""
    try:
        people.check()
        return lab_home()
    except LabError as error:
        sys.exit(f"lrlab does not start: {error}")


def gate() -> list[Middleware]:
    """What stands before everything where people sign in; nothing where one person uses the lab."""
    if people.auth() is None:
        return []
    charts.limit_to(lambda record: people.in_sight(record, web.asking()))
    pages = [page.stem for page in PAGES.glob("*.py")]
    return [Middleware(web.Gate, who=people.sender, pages=pages, base=st.get_option("server.baseUrlPath"))]


app = st.App(
    "lrlab/ui/main.py",
    routes=web.routes(
        checked_home(),
        hosts=web.allowed_hosts(st.get_option("server.address"), st.get_option("server.allowedHosts")),
        who=people.sender,
    ),
    middleware=gate(),
    lifespan=lifespan,
)
