"""The navigation script: what a page cannot answer is told in words."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from lrlab.home import Home
from lrlab.ui import places


def test_a_lab_that_may_not_be_opened_says_why(home: Home) -> None:
    mark = home.root / "home.json"
    mark.write_text(json.dumps(json.loads(mark.read_text()) | {"format": 99}))
    page = AppTest.from_file(places.PAGES.parent / "lrlab" / "ui" / "main.py", default_timeout=60).run()
    assert not page.exception
    (told,) = [element.proto.body for element in page.get("html") if 'role="alert"' in element.proto.body]
    assert "later lrlab" in told
