"""Every route passes the table of actions, the Host check and, where it changes something, the Origin check."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from lrlab.errors import LabError, NotFound
from lrlab.web.access import LOCAL_HOSTS, Access, allowed_hosts


async def fine(request):
    return PlainTextResponse("done")


async def refused(request):
    raise LabError("epochs: got 0, allowed: at least 1", field="epochs")


async def missing(request):
    raise NotFound("there is no run 'x'")


def client(endpoint, action, hosts=LOCAL_HOSTS):
    route = Access(hosts).route("/api/it", endpoint, action, ("GET", "POST"))
    return TestClient(Starlette(routes=[route]), base_url="http://127.0.0.1:8501")


@pytest.mark.parametrize(
    ("action", "headers", "status"),
    [
        ("watch runs", {}, 200),
        ("watch runs", {"host": "localhost:8501"}, 200),
        ("watch runs", {"host": "[::1]:8501"}, 200),
        ("watch runs", {"host": "evil.example"}, 403),
        ("watch runs", {"host": "127.0.0.1.evil.example"}, 403),
        ("watch runs", {"origin": "http://evil.example"}, 200),  # the browser keeps the answer from that page
        ("stop a run", {"origin": "http://127.0.0.1:8501"}, 200),
        ("stop a run", {"host": "localhost:8501", "origin": "http://localhost:8501"}, 200),
        ("stop a run", {}, 403),
        ("stop a run", {"origin": "null"}, 403),
        ("stop a run", {"origin": "http://evil.example"}, 403),
        ("stop a run", {"origin": "http://127.0.0.1:9999"}, 403),
        ("stop a run", {"origin": "http://127.0.0.1:8501.evil.example"}, 403),
        ("stop a run", {"host": "evil.example", "origin": "http://evil.example"}, 403),
    ],
)
def test_host_and_origin(action, headers, status):
    assert client(fine, action).post("/api/it", headers=headers).status_code == status


def test_a_server_open_to_a_class_takes_any_host_but_no_foreign_origin():
    assert allowed_hosts("0.0.0.0") is None
    open_to_all = client(fine, "stop a run", hosts=None)
    here = {"host": "lab.school:8501", "origin": "http://lab.school:8501"}
    assert open_to_all.post("/api/it", headers=here).status_code == 200
    assert open_to_all.post("/api/it", headers={**here, "origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(("endpoint", "status"), [(refused, 400), (missing, 404)])
def test_a_refusal_is_a_sentence_and_no_traceback(endpoint, status):
    answer = client(endpoint, "watch runs").get("/api/it")
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert answer.json()["error"]


def test_a_route_without_an_entry_in_the_table_cannot_be_made():
    with pytest.raises(KeyError):
        Access(None).route("/api/it", fine, "do something new")
