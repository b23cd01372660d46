"""The routes behind the sliders: asked as the browser asks, by POST, and over a WebSocket with the same answers."""

import asyncio
import json
import threading

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from lrlab.errors import LabError
from lrlab.web import curve
from lrlab.web.access import Access
from lrlab.web.bodies import whole
from lrlab.web.curve import AT_ONCE, LARGEST, LONG, routes

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

QUICK = {"epochs": 2, "steps_per_epoch": AT_ONCE // 2}
SHORT = {"epochs": 2, "steps_per_epoch": AT_ONCE // 2 + 1}
LONGER = {"epochs": 2, "steps_per_epoch": LONG // 2 + 1}
KEPT = [{"composition": SHORT, "colour": 1}]
PLATEAU = {"schedule": {"scheduler": {"name": "ReduceLROnPlateau"}}, "metric": {"kind": "logged", "run": "gone"}}


def body(composition, *changes, kept=()):
    return json.dumps({"state": {"composition": composition, "kept": list(kept)}, "changes": changes}).encode()


def told(monkeypatch):
    """Each call of preview_of: whether it is in the event loop's thread."""
    here, calls, real = threading.get_ident(), [], curve.preview_of

    def preview_of(state):
        calls.append(threading.get_ident() == here)
        return real(state)

    monkeypatch.setattr(curve, "preview_of", preview_of)
    return calls


@pytest.mark.parametrize(
    ("asked", "at_once"),
    [
        (body(QUICK), True),
        (body(SHORT), False),
        (body(LONGER), False),
        (body({"epochs": 1}, kept=KEPT), False),
        (body({"epochs": 1}, {"op": "take", "place": 0}, kept=KEPT), False),
        (body({"epochs": 1}, {"op": "compose", "composition": SHORT}), False),
        (body(QUICK, {"op": "add_group"}), False),
        (body(SHORT, {"op": "set", "field": "epochs", "value": 1}), True),
        (body(PLATEAU), False),
        (body({"epochs": 1}, kept=[{"composition": PLATEAU, "colour": 1}]), False),
    ],
)
def test_only_what_is_quick_is_computed_in_the_event_loop(home, monkeypatch, asked, at_once):
    calls = told(monkeypatch)
    asyncio.run(curve.answer(asked))
    assert calls == [at_once]


@pytest.mark.parametrize("changes", [[{"op": "metric", "run": "gone"}], [{"op": "keep"}, {"op": "metric"}]])
def test_what_a_run_has_measured_is_looked_up_beside_the_event_loop(home, monkeypatch, changes):
    here, calls, real = threading.get_ident(), [], curve.preview_state

    def preview_state(*given):
        calls.append(threading.get_ident() == here)
        return real(*given)

    monkeypatch.setattr(curve, "preview_state", preview_state)
    plateau = {"epochs": 1, "schedule": PLATEAU["schedule"]}
    asyncio.run(curve.answer(body(plateau, *changes)))
    asyncio.run(curve.answer(body(plateau, {"op": "keep"})))
    assert calls == [False, True]


def test_of_long_schedules_one_is_computed_at_a_time_and_shorter_ones_pass_it(monkeypatch):
    asked, begun, go = [], [], threading.Event()
    state_of, of = curve.preview_state, curve.preview_of

    def preview_state(*given):
        asked.append(given)
        return state_of(*given)

    def preview_of(state):
        if state.composition.updates > LONG:
            begun.append(state)
            go.wait(60)
        return of(state)

    monkeypatch.setattr(curve, "preview_state", preview_state)
    monkeypatch.setattr(curve, "preview_of", preview_of)

    async def talk():
        waiting = [asyncio.create_task(curve.answer(body(LONGER))) for _ in range(3)]
        while len(asked) < 3:
            await asyncio.sleep(0)
        for _ in range(5):
            assert b'"figure"' in (await curve.answer(body(SHORT))).body
        at_once = len(begun)
        go.set()
        await asyncio.gather(*waiting)
        return at_once

    assert asyncio.run(talk()) == 1
    assert len(begun) == 3


@pytest.mark.parametrize("around", ["[%s]", '{"state": %s}', '{"state": {"composition": {"epochs": %s}}}'])
def test_no_depth_of_nesting_is_a_fault_of_the_server(client, around):
    for depth in range(880, 1010, 3):
        asked = around % ("[" * depth + "]" * depth)
        assert client.post("/api/curve", content=asked).status_code in (200, 400), depth
