"""Pages as Streamlit runs them, below the navigation that lets them link to each other."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lrlab.datasets import Dataset, add_dataset
from lrlab.home import Home
from lrlab.jobs import answers

SCRIPT = """
import streamlit as st
from lrlab.ui import places

pages = [places.SCHEDULE, places.GALLERY, places.IMAGES, places.FIND_LR, places.TRAIN, places.COMPARE, places.LAB]
st.navigation([st.Page(page, default=page.stem == {name!r}) for page in pages]).run()
"""


def run(page: AppTest) -> AppTest:
    """One run of the script, which may show no exception."""
    page.run()
    assert not page.exception, [element.message for element in page.exception]
    return page


@pytest.fixture
def open_page(home: Home, woken: list[Home], monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """`open_page("train", run=ID)`: the page at this query, run once. Nothing on it starts a supervisor, or a helper:
    what is asked of that is never answered."""
    monkeypatch.setattr(answers, "ask_later", lambda *_, **__: Future())

    def opened(name: str, state: dict[str, Any] | None = None, **query: str) -> AppTest:
        page = AppTest.from_string(SCRIPT.format(name=name), default_timeout=60)
        for key, value in query.items():
            page.query_params[key] = value
        for key, value in (state or {}).items():
            page.session_state[key] = value
        return run(page)

    return opened


@pytest.fixture
def noise(home: Home, tmp_path: Path) -> Callable[..., Dataset]:
    """`noise("coffee", 10)`: a data set of two classes with ten images of noise each."""

    def make(name: str = "coffee", images: int = 10) -> Dataset:
        root = tmp_path / f"images of {name}"
        for label, part in enumerate(("Dark", "Light")):
            (root / part).mkdir(parents=True)
            for number in range(images):
                pixels = np.random.default_rng([label, number]).integers(0, 256, (8, 8, 3), dtype=np.uint8)
                buffer = io.BytesIO()
                Image.fromarray(pixels).save(buffer, "PNG")
                (root / part / f"{number}.png").write_bytes(buffer.getvalue())
        return add_dataset(home, root, name)

    return make


def component(page: AppTest, name: str) -> dict[str, Any] | None:
    """What Python sent to the component `name` on the page; None where it is not there."""
    found = [e.proto for e in page if e.type == "bidi_component" and e.proto.component_name == f"lrlab_{name}"]
    return dict(json.loads(found[0].json)) if found else None


@pytest.fixture(name="component")
def component_fixture() -> Callable[[AppTest, str], dict[str, Any] | None]:
    return component


@pytest.fixture(name="run_page")
def run_page_fixture() -> Callable[[AppTest], AppTest]:
    return run
