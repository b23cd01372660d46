"""The gate: before the sign-in only the sign-in is answered, on every path of Streamlit's and of lrlab's."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.web.server.starlette import starlette_auth_routes, starlette_routes, starlette_websocket

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.rights import Person
from lrlab.web import Gate
from lrlab.web.access import Access, desk_of
from lrlab.web.gate import OPEN

ANN = Person("ann@school.example", "student")


def served(who, base="") -> TestClient:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("inside")

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    gate = Middleware(Gate, who=who, pages=["train", "lab"], base=base)
    routes = [
        WebSocketRoute("/{path:path}", talk),
        Route("/{path:path}", answer, methods=["GET", "PUT", "POST", "DELETE"]),
    ]
    return TestClient(Starlette(routes=routes, middleware=[gate]), raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "path", "open_to_all"),
    [
        ("GET", "/", True),
        ("GET", "/train", True),
        ("GET", "/lab", True),
        ("GET", "/static/js/index.js", True),
        ("GET", "/_stcore/health", True),
        ("GET", "/auth/login", True),
        ("GET", "/oauth2callback", True),
        ("GET", "/training", False),
        ("GET", "/train/media/x.png", False),
        ("GET", "/media/0123.csv", False),
        ("PUT", "/_stcore/upload_file/session/file", False),
        ("DELETE", "/_stcore/upload_file/session/file", False),
        ("GET", "/_stcore/metrics", False),
        ("GET", "/_stcore/bidi-components/x/y.js", False),
        ("POST", "/_stcore/agent/interact", False),
        ("GET", "/component/x/index.html", False),
        ("GET", "/app/static/x", False),
        ("GET", "/api/plotly.js", False),
        ("GET", "/api/runs/abcdefghij/model", False),
        ("POST", "/api/runs/abcdefghij/stop", False),
        ("GET", "/STATIC/x", False),
        ("GET", "/static", False),
        ("GET", "//static/x", False),
    ],
)
@pytest.mark.parametrize("base", ["", "lab-of/school"])
def test_what_is_answered_before_the_sign_in(method: str, path: str, open_to_all: bool, base: str) -> None:
    at = f"http://testserver{'/' + base if base else ''}{path}"
    assert served(lambda connection: None, base).request(method, at).status_code == (200 if open_to_all else 401)
    assert served(lambda connection: ANN, base).request(method, at).status_code == 200


@pytest.mark.parametrize(("path", "open_to_all"), [("/_stcore/stream", True), ("/api/curve", False), ("/other", False)])
def test_sockets_pass_the_gate_too(path: str, open_to_all: bool) -> None:
    closed = served(lambda connection: None)
    if open_to_all:
        with closed.websocket_connect(path):
            pass
    else:
        with pytest.raises(WebSocketDisconnect), closed.websocket_connect(path):
            pass
    with served(lambda connection: ANN).websocket_connect(path):
        pass


def test_who_asks_is_found_out_once_for_a_request(home: Home) -> None:
    asked = []

    def who(connection: HTTPConnection) -> Person | None:
        asked.append(connection.url.path)
        return ANN

    async def name(request: Request) -> PlainTextResponse:
        return PlainTextResponse(desk_of(request).person.mail)

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(desk_of(socket).person.mail)
        await socket.close()

    access = Access(None, home, who)
    routes = [
        access.route("/api/status", name, "read the lab's status"),
        access.socket("/api/curve", talk, "preview a schedule while it is composed"),
    ]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(Gate, who=who)]))
    assert client.get("/api/status").text == ANN.mail
    with client.websocket_connect("/api/curve", headers={"origin": "http://testserver"}) as socket:
        assert socket.receive_text() == ANN.mail
    assert asked == ["/api/status", "/api/curve"]


def test_a_fault_of_the_settings_opens_nothing() -> None:
    def who(connection: HTTPConnection) -> Person | None:
        raise LabError("lab.toml: people.teachers: got 3, allowed: a list")

    answer = served(who).get("/api/status")
    assert answer.status_code == 503
    assert "people.teachers" in answer.json()["error"]
    with pytest.raises(WebSocketDisconnect), served(who).websocket_connect("/api/curve"):
        pass


def test_what_is_open_is_what_streamlit_signs_in_with() -> None:
    """Where Streamlit moves one of these, a sign-in would end at the gate."""
    needed = {
        f"/{starlette_routes.ROUTE_HEALTH}",
        f"/{starlette_routes.ROUTE_HOST_CONFIG}",
        f"/{starlette_websocket._ROUTE_WEBSOCKET_STREAM}",
        f"/{starlette_auth_routes._ROUTE_AUTH_LOGIN}",
        f"/{starlette_auth_routes._ROUTE_AUTH_LOGOUT}",
        f"/{starlette_auth_routes._ROUTE_OAUTH_CALLBACK}",
    }
    assert needed <= OPEN
    assert starlette_routes.BASE_ROUTE_STATIC == "static"
