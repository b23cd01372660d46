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


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "JSON"), (b"{", "JSON"), (b"[1]", "state"), (b"\xff\xfe", "JSON"), (b" " * (LARGEST + 1), "at most")],
)
def test_nonsense_is_refused_in_words(client, body, words):
    answer = client.post("/api/curve", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
