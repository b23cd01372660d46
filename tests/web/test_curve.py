"""The routes behind the sliders: asked as the browser asks, by POST, and over a WebSocket with the same answers."""

import asyncio
import json
import threading

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from lrlab.charts import PreviewState
from lrlab.errors import LabError
from lrlab.web import curve
from lrlab.web.access import Access
from lrlab.web.bodies import whole
from lrlab.web.curve import LARGEST, LONG, routes

HERE = {"origin": "http://testserver"}


@pytest.fixture
def client(home):
    return TestClient(Starlette(routes=routes(Access(None, home))), headers=HERE)


def test_a_state_gives_a_figure(client):
    answer = client.post(
        "/api/curve", json={"state": {}, "changes": [{"op": "choose", "name": "CosineAnnealingLR"}]}
    ).json()
    assert answer["state"]["composition"]["schedule"]["scheduler"]["name"] == "CosineAnnealingLR"
    assert answer["figure"]["data"][0]["type"] == "scatter"


def test_a_long_run_is_answered_like_a_short_one(client):
    asked = {"state": {"composition": {"epochs": 1000, "steps_per_epoch": 1000}}, "changes": []}
    assert client.post("/api/curve", json=asked).json()["label"].startswith("StepLR")


@pytest.mark.parametrize("changes", [[7], {"op": "keep"}, "none", [{"op": "set", "field": ["a"], "value": 1}], None])
def test_changes_of_no_shape_are_refused_or_nothing(client, changes):
    answer = client.post("/api/curve", json={"state": {}, "changes": changes})
    assert answer.status_code == 200
    assert ("errors" in answer.json()) == bool(changes)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[1]", "state"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b" " * (LARGEST + 1), f"more than {LARGEST:,} bytes"),
    ],
)
def test_nonsense_is_refused_in_words(client, body, words):
    answer = client.post("/api/curve", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


QUESTIONS = [
    {"state": {}, "changes": []},
    {"state": {}, "changes": [{"op": "choose", "name": "CosineAnnealingLR"}]},
    {"state": {"composition": {"epochs": 1000, "steps_per_epoch": 1000}}, "changes": []},
    {"state": {}, "changes": [{"op": "set", "field": "lr", "value": -1}]},
    {"state": {}, "changes": [{"op": "set", "field": "groups.0.name", "value": "Köpfe, 头"}]},
    {"state": {}, "changes": "none"},
    {"state": 7},
    [1],
    "",
    None,
]


def test_a_socket_gives_the_answers_of_post_byte_for_byte(client):
    texts = [json.dumps(question, ensure_ascii=False) for question in QUESTIONS]
    texts += ["", "{", "[" * 100_000, " " * (LARGEST + 1), '{"state": {}, "changes": []}']
    with client.websocket_connect("/api/curve", headers=HERE) as socket:
        for text in texts:
            socket.send_text(text)
            assert socket.receive_text().encode() == client.post("/api/curve", content=text.encode()).content


def test_a_message_of_bytes_is_read_like_one_of_text(client):
    with client.websocket_connect("/api/curve", headers=HERE) as socket:
        for body in [b'{"state": {}, "changes": []}', b"\xff\xfe"]:
            socket.send_bytes(body)
            assert socket.receive_text().encode() == client.post("/api/curve", content=body).content


def test_a_number_beyond_all_bounds_is_refused_in_words(client):
    typed = {"op": "set", "field": "epochs", "value": 10**400}
    for epochs, changes in ((10**400, []), (3, [typed])):
        asked = {"state": {"composition": {"epochs": epochs}}, "changes": changes}
        [(field, sentence)] = client.post("/api/curve", json=asked).json()["errors"]
        assert field == "epochs"
        assert "at most 10,000" in sentence


def test_a_body_is_counted_while_it_comes():
    chunk, taken = bytes(64 * 1024), []

    async def receive():
        taken.append(chunk)
        return {"type": "http.request", "body": chunk, "more_body": len(taken) < 100}

    with pytest.raises(LabError, match="more than"):
        asyncio.run(whole(Request({"type": "http"}, receive), LARGEST))
    assert len(taken) == LARGEST // len(chunk) + 1


def test_only_a_page_of_this_server_gets_an_answer(home):
    stranger = TestClient(Starlette(routes=routes(Access(None, home))))
    assert stranger.post("/api/curve", json={"state": {}}).status_code == 403
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect("/api/curve"):
        pass


# ---- beside the event loop -------------------------------------------------------------------------------------------

SHORT = {"epochs": 2, "steps_per_epoch": LONG // 2}
LONGER = {"epochs": 2, "steps_per_epoch": LONG // 2 + 1}
KEPT = [{"composition": LONGER, "colour": 1}]


def body(composition, *changes, kept=()):
    return json.dumps({"state": {"composition": composition, "kept": list(kept)}, "changes": changes}).encode()


@pytest.mark.parametrize(
    ("asked", "long"),
    [
        (body(SHORT), False),
        (body(LONGER), True),
        (body(SHORT, kept=KEPT), True),
        (body(SHORT, {"op": "take", "place": 0}, {"op": "unkeep", "place": 0}, kept=KEPT), True),
        (body(SHORT, {"op": "compose", "composition": LONGER}), True),
        (body(LONGER, {"op": "set", "field": "epochs", "value": 1}), False),
        (body(SHORT, {"op": "set", "field": "lr", "value": -1}), False),
    ],
)
def test_long_schedules_are_told_by_what_the_changes_make_of_them(asked, long):
    assert isinstance(curve._begun(asked), PreviewState) == long


def test_of_long_schedules_one_is_computed_at_a_time_and_short_ones_pass_it(monkeypatch):
    here, understood, begun, threads, go = threading.get_ident(), [], [], set(), threading.Event()
    state_of, of = curve.preview_state, curve.preview_of

    def preview_state(*asked):
        state = state_of(*asked)
        understood.append(state.longest)
        threads.add(threading.get_ident())
        return state

    def preview_of(state):
        threads.add(threading.get_ident())
        if state.longest > LONG:
            begun.append(state)
            go.wait(60)
        return of(state)

    monkeypatch.setattr(curve, "preview_state", preview_state)
    monkeypatch.setattr(curve, "preview_of", preview_of)

    async def talk():
        waiting = [asyncio.create_task(curve.answer(body(LONGER))) for _ in range(3)]
        while len(understood) < 3:
            await asyncio.sleep(0)
        for _ in range(5):
            assert b'"figure"' in (await curve.answer(body(SHORT))).body
        at_once = len(begun)
        go.set()
        await asyncio.gather(*waiting)
        return at_once

    assert asyncio.run(talk()) == 1
    assert len(begun) == 3
    assert here not in threads
