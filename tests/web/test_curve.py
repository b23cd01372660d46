"""The routes behind the sliders: asked as the browser asks, by POST, and over a WebSocket with the same answers."""

import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from lrlab.web.access import Access
from lrlab.web.curve import LARGEST, routes

HERE = {"origin": "http://testserver"}


@pytest.fixture
def client(home):
    return TestClient(Starlette(routes=routes(Access(None, home))))


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
        (b" " * (LARGEST + 1), "at most"),
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


def test_only_a_page_of_this_server_gets_a_socket(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/curve"):
        pass
