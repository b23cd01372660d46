"""Every route there is, asked by everybody about everything; and a route that is about something else than it says.

The endpoints are stubs that say they were reached: what they do is tested where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from lrlab import web
from lrlab.datasets import Dataset, begin_upload
from lrlab.files import new_id
from lrlab.home import Home
from lrlab.jobs import ImportStatus
from lrlab.rights import ACTIONS, Person
from lrlab.web.access import Access

BASE = "http://127.0.0.1:8501"
REACHED = 299
WHO = "x-who"

ABOUT = {
    "/api/live": "run",
    "/api/uploads/{id}/files": "upload",
    "/api/uploads/{id}/import": "upload",
    "/api/imports/{id}": "import",
    "/api/datasets/{id}/thumbnail/{row:int}": "dataset",
}
"""What a route is about whose path does not say {run_id}."""

UNOWNED = {"/api/uploads/{id}"}
"""Routes that everybody may ask, and that look for themselves whose it is."""


class Probe(Access):
    """Makes the lab's routes with endpoints that say only that they were reached."""

    def route(self, path, endpoint, action, methods=("GET",), found=None) -> Route:
        async def reached(request: Request) -> Response:
            return PlainTextResponse(action, REACHED)

        return super().route(path, reached, action, methods, found)

    def socket(self, path, conversation, action) -> WebSocketRoute:
        async def reached(socket: WebSocket) -> None:
            await socket.accept()
            await socket.close()

        return super().socket(path, reached, action)


@pytest.fixture
def client(home: Home, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The lab's server; the header WHO says whoever asks, and without it nobody has signed in."""

    def who(connection: HTTPConnection) -> Person | None:
        return people.get(connection.headers.get(WHO, ""))

    monkeypatch.setattr(web, "Access", Probe)
    with TestClient(Starlette(routes=web.routes(home, who=who)), base_url=BASE) as client:
        yield client


def every_route(home: Home) -> list[tuple[str, str, str]]:
    """(method, path, action) of each route."""
    found = []
    for route in web.routes(home):
        methods = ["SOCKET"] if isinstance(route, WebSocketRoute) else sorted((route.methods or set()) - {"HEAD"})
        found += [(method, route.path, route.name) for method in methods]
    return found


ROUTES = every_route(Home(Path("no-lab")))
NAMING = [one for one in ROUTES if "{" in one[1] and one[1] not in UNOWNED]


def things(home: Home, runs, kind: str) -> dict[str, str]:
    """Ids of what is Ann's and of what is shared, of a kind."""
    if kind == "run":
        return {"private": runs.ann.id, "shared": runs.shared.id}
    if kind == "upload":
        upload = begin_upload(home, "new", [("a/1.jpg", 3)], owner="ann@school.example")
        return {"private": upload.id}
    if kind == "import":
        status = ImportStatus(id=new_id(), dataset="new", owner="ann@school.example", state="succeeded")
        (home.imports / f"{status.id}.json").write_text(status.model_dump_json())
        return {"private": status.id}
    made = {}
    for name, shared in (("private", False), ("shared", True)):
        dataset = Dataset(
            id=new_id(), name=name, classes=("a", "b"), created=1.0, owner="ann@school.example", shared=shared,
            source="zip", counts={"train": 2, "val": 0, "test": 0}, content=name,
        )  # fmt: skip
        (home.datasets / dataset.id).mkdir()
        (home.datasets / dataset.id / "dataset.json").write_text(dataset.model_dump_json())
        made[name] = dataset.id
    return made


def asked(client: TestClient, method: str, path: str, who: str, thing: str = "none") -> int:
    """The status of the answer; of a socket 403 where it was not let in."""
    for name in ("{run_id}", "{id}"):
        path = path.replace(name, thing)
    path = path.replace("{row:int}", "0")
    path += f"?runs={thing}" if path == "/api/live" else ""
    headers = {WHO: who, "origin": BASE}
    if method != "SOCKET":
        return client.request(method, path, headers=headers).status_code
    try:
        with client.websocket_connect(path, headers={**headers, "host": "127.0.0.1:8501"}):
            return REACHED
    except WebSocketDisconnect:
        return 403


def expected(right: str, who: str, shared: bool) -> int:
    if who == "nobody":
        return 401
    if who in ("teacher", "local") or right == "everyone":
        return REACHED
    if right == "teacher":
        return 403
    if who == "ann":
        return REACHED
    if not shared:
        return 404
    return REACHED if right == "viewer" else 403


@pytest.mark.parametrize(("method", "path", "action"), ROUTES)
def test_everybody_at_every_route(client: TestClient, home: Home, runs, method: str, path: str, action: str) -> None:
    right = ACTIONS[action].right
    kind = "run" if "{run_id}" in path else ABOUT.get(path)
    assert kind or right not in ("viewer", "owner"), f"{path}: say in ABOUT what it is about"
    for name, thing in (things(home, runs, kind) if kind else {"none": "none"}).items():
        for who in ("nobody", "ann", "ben", "teacher", "local"):
            status = asked(client, method, path, who, thing)
            wanted = expected(right, who, name == "shared")
            if kind and right in ("everyone", "teacher") and who in ("ann", "ben"):
                assert status in (wanted, 404), (who, name)  # whoever does not see it is told that it is not there
            else:
                assert status == (403 if method == "SOCKET" and wanted in (401, 404) else wanted), (who, name)


@pytest.mark.parametrize(("method", "path", "action"), NAMING)
def test_a_guessed_id_is_answered_as_one_that_is_not_there(
    client: TestClient, home: Home, runs, method: str, path: str, action: str
) -> None:
    kind = "run" if "{run_id}" in path else ABOUT[path]
    private = things(home, runs, kind)["private"]
    headers = {WHO: "ben", "origin": BASE}

    def answer(thing: str) -> tuple[int, str]:
        at = path.replace("{run_id}", thing).replace("{id}", thing).replace("{row:int}", "0")
        given = client.request(method, at, headers=headers)
        return given.status_code, given.text.replace(thing, "ID")

    real, invented = answer(private), answer(new_id())
    assert real[0] == 404
    assert json.loads(real[1])["error"].partition(";")[0] == json.loads(invented[1])["error"].partition(";")[0]


def test_among_several_runs_one_unseen_is_enough(client: TestClient, runs) -> None:
    address = f"/api/live?runs={runs.shared.id},{runs.ann.id}"
    assert client.get(address, headers={WHO: "ben"}).status_code == 404
    assert client.get(address, headers={WHO: "ann"}).status_code == REACHED


def test_every_entry_of_the_table_for_routes_is_some_routes(home: Home) -> None:
    """What only pages do beside these is in test_pages."""
    named = {action for _, _, action in every_route(home)}
    unused = {name for name, action in ACTIONS.items() if action.kind in ("read", "change", "converse")} - named
    assert unused <= {"add images that lie on the server"}  # the route that adds the sample set asks for it itself
