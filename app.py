"""The ASGI application: `streamlit run app.py`. Navigation, routes and lifespan meet here; nothing else does."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

from lrlab import jobs, web
from lrlab.home import lab_home


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Freezes what the imports left, so that later collections do not walk it, and wakes the supervisor."""
    gc.collect()
    gc.freeze()
    jobs.ensure_supervisor(lab_home())
    with web.streams_end_with_server():
        yield {}


app = st.App(
    "lrlab/ui/main.py",
    routes=web.routes(lab_home(), hosts=web.allowed_hosts(st.get_option("server.address"))),
    lifespan=lifespan,
)
