"""The ASGI application: `streamlit run app.py`. Navigation, routes and lifespan meet here; nothing else does."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

from lrlab import jobs, web
from lrlab.home import lab_home

FIRST_PAGE = 4.0
"""Seconds that the first page has for itself before a worker is warmed; whoever starts a run sooner wakes it sooner."""


async def wake_supervisor() -> None:
    await asyncio.sleep(FIRST_PAGE)
    await asyncio.to_thread(jobs.ensure_supervisor, lab_home())


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Freezes what the imports left, so that later collections do not walk it, and has a worker warmed."""
    gc.collect()
    gc.freeze()
    web.answer_at_once()
    waking = asyncio.create_task(wake_supervisor())
    with web.streams_end_with_server():
        yield {}
    waking.cancel()


app = st.App(
    "lrlab/ui/main.py",
    routes=web.routes(lab_home(), hosts=web.allowed_hosts(st.get_option("server.address"))),
    lifespan=lifespan,
)
