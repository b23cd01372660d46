"""Starlette routes beside Streamlit's: each names the action it performs, and access.py says who may."""

from __future__ import annotations

from starlette.routing import BaseRoute

from lrlab.home import Home
from lrlab.web import curve, finder, hand, lab, live, predicting, runs, uploads
from lrlab.web.access import Access, Who, allowed_hosts, asking, the_local_user
from lrlab.web.assets import plotly_js
from lrlab.web.gate import Gate
from lrlab.web.live import streams_end_with_server
from lrlab.web.memory import give_memory_back
from lrlab.web.sockets import answer_at_once

__all__ = [
    "Gate",
    "Who",
    "allowed_hosts",
    "answer_at_once",
    "asking",
    "give_memory_back",
    "routes",
    "streams_end_with_server",
    "the_local_user",
]


def routes(home: Home, hosts: frozenset[str] | None = None, who: Who = the_local_user) -> list[BaseRoute]:
    """Every route of the lab, all below /api/.

    `hosts`: the Host names that are answered (None: all). `who`: tells whoever a request comes from.
    """
    access = Access(hosts, home, who)
    return [
        access.route("/api/plotly.js", plotly_js, "read the chart library"),
        *curve.routes(access),
        *live.routes(home, access),
        *finder.routes(home, access),
        *runs.routes(home, access),
        *hand.routes(home, access),
        *lab.routes(home, access),
        *predicting.routes(home, access),
        *uploads.routes(home, access),
    ]
