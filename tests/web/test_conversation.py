"""Sockets of a real server: one question at a time, no work for those who do not wait, and no hindrance to its end."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from lrlab.home import Home
from lrlab.web.access import LOCAL_HOSTS, Access
from lrlab.web.conversation import IMPATIENT, converse

LONGEST = 60.0
GOING_AWAY = 1012
"""The code that a server which stops closes its sockets with."""


class Lab:
    """A server with one socket route, which gives back what it is asked, and holds back what says so."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.working = threading.Event()
        self.go = threading.Event()
        route = Access(LOCAL_HOSTS, Home(Path("no-lab"))).socket(
            "/api/it", self._talk, "preview a schedule while it is composed"
        )
        config = uvicorn.Config(Starlette(routes=[route]), port=0, ws="websockets-sansio", log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    async def _talk(self, socket) -> None:
        await converse(socket, self._answer)

    async def _answer(self, body: bytes) -> JSONResponse:
        self.asked.append(body)
        if body == b"hold":
            self.working.set()
            await asyncio.to_thread(self.go.wait, LONGEST)
        return JSONResponse({"asked": body.decode()})

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            self._thread.join(0.01)
        self._port = self._server.servers[0].sockets[0].getsockname()[1]

    def connect(self, origin: str | None = "") -> ClientConnection:
        here = f"http://127.0.0.1:{self._port}"
        return connect(f"{here.replace('http', 'ws')}/api/it", origin=here if origin == "" else origin, proxy=None)

    def stop(self) -> bool:
        """Whether the server ended by itself."""
        self.go.set()
        self._server.should_exit = True
        self._thread.join(LONGEST)
        return not self._thread.is_alive()


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    lab.start()
    yield lab
    assert lab.stop()


def answer(socket: ClientConnection) -> str:
    return json.loads(socket.recv(LONGEST))["asked"]


def closed_with(socket: ClientConnection) -> int:
    """The code that the server closed `socket` with; what it still sent before is read."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(LONGEST)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_each_question_has_its_answer(lab):
    with lab.connect() as one, lab.connect() as other:
        for number in range(3):
            one.send(f"one {number}")
            other.send(f"other {number}")
            assert (answer(one), answer(other)) == (f"one {number}", f"other {number}")


@pytest.mark.parametrize("origin", ["http://evil.example", None])
def test_a_foreign_page_is_told_403(lab, origin):
    with pytest.raises(InvalidStatus) as refused:
        lab.connect(origin)
    assert refused.value.response.status_code == 403
    assert lab.asked == []


def test_a_flood_costs_one_answer_and_the_socket(lab):
    with lab.connect() as socket, lab.connect() as other:
        socket.send("hold")
        assert lab.working.wait(LONGEST)
        for number in range(500):
            socket.send(str(number))
        other.send("a patient one is answered meanwhile")
        assert answer(other).startswith("a patient one")
        lab.go.set()
        assert closed_with(socket) == IMPATIENT
    assert b"0" not in lab.asked
    assert len(lab.asked) == 2


def test_who_leaves_before_the_answer_leaves_nothing_behind(lab):
    with lab.connect() as socket:
        socket.send("hold")
        assert lab.working.wait(LONGEST)
    lab.go.set()
    with lab.connect() as other:
        other.send("next")
        assert answer(other) == "next"


def test_a_server_that_stops_closes_its_sockets(lab):
    with ExitStack() as sockets:
        opened = [sockets.enter_context(lab.connect()) for _ in range(30)]
        opened[0].send("hold")
        assert lab.working.wait(LONGEST)
        assert lab.stop()
        assert {closed_with(socket) for socket in opened} == {GOING_AWAY}
