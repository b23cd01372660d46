"""Every route passes the table of actions, the Host check and, where it changes something, the Origin check."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.rights import ACTIONS
from lrlab.web.access import LOCAL_HOSTS, Access, allowed_hosts

SOCKET = "preview a schedule while it is composed"
HERE = Home(Path("no-lab"))


async def fine(request):
    return PlainTextResponse("done")


async def refused(request):
    raise LabError("epochs: got 0, allowed: at least 1", field="epochs")


async def missing(request):
    raise NotFound("there is no run 'x'")


def client(endpoint, action, hosts=LOCAL_HOSTS):
    route = Access(hosts, HERE).route("/api/it/{run_id}", endpoint, action, ("GET", "POST"))
    return TestClient(Starlette(routes=[route]), base_url="http://127.0.0.1:8501")


@pytest.mark.parametrize(
    ("method", "action", "headers", "status"),
    [
        ("GET", "watch runs", {}, 200),
        ("GET", "watch runs", {"host": "localhost:8501"}, 200),
        ("GET", "watch runs", {"host": "[::1]:8501"}, 200),
        ("GET", "watch runs", {"host": "evil.example"}, 403),
        ("GET", "watch runs", {"host": "127.0.0.1.evil.example"}, 403),
        ("GET", "watch runs", {"origin": "http://evil.example"}, 200),  # the browser keeps the answer from that page
        ("POST", "stop a run", {"origin": "http://127.0.0.1:8501"}, 200),
        ("POST", "stop a run", {"host": "localhost:8501", "origin": "http://localhost:8501"}, 200),
        ("POST", "stop a run", {}, 403),
        ("POST", "stop a run", {"origin": "null"}, 403),
        ("POST", "stop a run", {"origin": "http://evil.example"}, 403),
        ("POST", "stop a run", {"origin": "http://127.0.0.1:9999"}, 403),
        ("POST", "stop a run", {"origin": "http://127.0.0.1:8501.evil.example"}, 403),
        ("POST", "stop a run", {"host": "evil.example", "origin": "http://evil.example"}, 403),
        ("POST", "watch runs", {"origin": "http://127.0.0.1:8501"}, 200),
        ("POST", "watch runs", {}, 403),  # it brings something to work on
        ("POST", "watch runs", {"origin": "http://evil.example"}, 403),
        ("GET", "stop a run", {}, 403),
        ("GET", "watch runs", {"host": "["}, 403),  # what is no address has no name
        ("GET", "watch runs", {"host": "[::1"}, 403),
        ("GET", "watch runs", {"host": ""}, 403),
        ("POST", "stop a run", {"origin": "http://["}, 403),
        ("POST", "stop a run", {"host": "[", "origin": "http://["}, 403),
    ],
)
def test_host_and_origin(method, action, headers, status):
    assert client(fine, action).request(method, "/api/it/x", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"origin": "http://127.0.0.1:8501"}, True),
        ({"host": "localhost:8501", "origin": "http://localhost:8501"}, True),
        ({}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://127.0.0.1:9999"}, False),
        ({"origin": "http://127.0.0.1:8501.evil.example"}, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, False),
        ({"host": "evil.example", "origin": "http://127.0.0.1:8501"}, False),
        ({"host": "["}, False),
        ({"origin": "http://["}, False),
    ],
)
def test_a_socket_is_only_for_pages_of_this_server(headers, accepted):
    """Also one that only reads: a browser lets every site read from a socket."""
    begun = []

    async def talk(socket):
        begun.append(socket)
        await socket.accept()
        await socket.close()

    route = Access(LOCAL_HOSTS, HERE).socket("/api/it", talk, SOCKET)
    here = TestClient(Starlette(routes=[route]), base_url="http://127.0.0.1:8501")
    headers = {"host": "127.0.0.1:8501", **headers}
    if accepted:
        with here.websocket_connect("/api/it", headers=headers):
            assert begun
    else:
        with pytest.raises(WebSocketDisconnect), here.websocket_connect("/api/it", headers=headers):
            pass
        assert not begun


def test_a_server_open_to_a_class_takes_any_host_but_no_foreign_origin():
    assert allowed_hosts("0.0.0.0") is None
    open_to_all = client(fine, "stop a run", hosts=None)
    here = {"host": "lab.school:8501", "origin": "http://lab.school:8501"}
    assert open_to_all.post("/api/it/x", headers=here).status_code == 200
    for origin in ("http://evil.example", "http://[", "null"):
        assert open_to_all.post("/api/it/x", headers={**here, "origin": origin}).status_code == 403
    for host in ("[", ""):
        assert open_to_all.post("/api/it/x", headers={"host": host, "origin": "null"}).status_code == 403


@pytest.mark.parametrize(("endpoint", "status"), [(refused, 400), (missing, 404)])
def test_a_refusal_is_a_sentence_and_no_traceback(endpoint, status):
    answer = client(endpoint, "watch runs").get("/api/it/x")
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert answer.json()["error"]


def test_a_route_without_an_entry_in_the_table_cannot_be_made():
    with pytest.raises(KeyError):
        Access(None, HERE).route("/api/it", fine, "do something new")
    with pytest.raises(KeyError):
        Access(None, HERE).socket("/api/it", fine, "do something new")


@pytest.mark.parametrize("action", [name for name, action in ACTIONS.items() if action.kind != "converse"])
def test_a_socket_is_only_made_for_what_the_table_gives_one(action):
    with pytest.raises(ValueError, match="not done over a WebSocket"):
        Access(None, HERE).socket("/api/it/{run_id}", fine, action)


def test_a_route_that_names_nothing_is_not_made_for_what_is_done_to_something():
    with pytest.raises(ValueError, match="names nothing"):
        Access(None, HERE).route("/api/it", fine, "stop a run", ("POST",))
