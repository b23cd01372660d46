"""The route behind the sliders: a composition in, its figure, words and controls out."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from lrlab.charts.preview import answer
