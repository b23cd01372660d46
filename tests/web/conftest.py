"""A lab over HTTP: `app` answers, `client` asks as a page of it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.home import Home
from lrlab.web import routes

from .image_requests import ORIGIN


@pytest.fixture
def app(home: Home) -> Starlette:
    return Starlette(routes=routes(home))


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        yield client
