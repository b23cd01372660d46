"""Two servers on one lab that are asked at once to import an upload: one starts the import, both tell of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.home import Home
from lrlab.jobs import imports
from lrlab.jobs.import_files import write_process
from lrlab.process import identity
from lrlab.web import routes

from .image_requests import ORIGIN, begin, piece, png


def test_of_two_servers_that_are_asked_at_once_one_starts_the_import(
    client: TestClient, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [("A/1.png", png(1)), ("B/1.png", png(2))]
    upload = begin(client, files)
    body = b"".join(piece(number, data) for number, (_, data) in enumerate(files))
    assert client.put(f"/api/uploads/{upload}/files", content=body).status_code == 200
    both, check = threading.Barrier(2), imports.check_name

    def meet(home: Home, name: str) -> str:
        """Whoever has seen that there is no import waits for the other to have seen it as well."""
        with suppress(threading.BrokenBarrierError):
            both.wait(1.0)
        return check(home, name)

    monkeypatch.setattr(imports, "check_name", meet)
    monkeypatch.setattr(imports, "_spawn", lambda home, import_id: write_process(home, import_id, identity()))

    def ask(_: int) -> object:
        server = TestClient(Starlette(routes=routes(home)), base_url=ORIGIN, headers={"origin": ORIGIN})
        return server.post(f"/api/uploads/{upload}/import", json={"name": "once"}).json()

    with ThreadPoolExecutor(2) as servers:
        first, second = servers.map(ask, range(2))
    assert first == second
    assert len(list(home.imports.glob("*.request.json"))) == 1
