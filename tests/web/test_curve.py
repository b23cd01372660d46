"""The route behind the sliders, asked as the browser asks it."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lrlab.web.access import Access
from lrlab.web.curve import LARGEST, curve


@pytest.fixture
def client():
    return TestClient(Starlette(routes=[Access(None).route("/api/curve", curve, "preview a schedule", ("POST",))]))


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
    [(b"", "JSON"), (b"{", "JSON"), (b"[1]", "state"), (b"\xff\xfe", "JSON"), (b" " * (LARGEST + 1), "at most")],
)
def test_nonsense_is_refused_in_words(client, body, words):
    answer = client.post("/api/curve", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
