"""Ids, file numbers and query parameters: whatever comes in their place is looked up, and never joined to a path.

Beside the lab lie a run, a data set and an upload of another lab, whole and valid: who reaches one of them has left
the lab. Python's audit hook says whether anything there was opened or listed.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from lrlab.cli import main
from lrlab.datasets import (
    add_dataset,
    begin_upload,
    cancel_upload,
    delete_dataset,
    load_dataset,
    open_upload,
    thumbnail,
)
from lrlab.errors import LabError, NotFound
from lrlab.files import is_id
from lrlab.home import Home
from lrlab.jobs import cancel_import, delete, import_status, move, resume, retry, run_import, run_status, set_lr, stop
from lrlab.runs import load_run
from lrlab.web import routes

BASE = "http://127.0.0.1:8501"

PAYLOADS = [
    "", " ", ".", "..", "...", "/", "//", "\\", "~", "*", "?", "%", "#", "-", "--help", "-rf", "\0", "\n", "\r\n",
    "\t", "../runs", "..\\runs", "../../other/runs/{run}", "..%2f..%2fother", "%2e%2e%2f", "%252e%252e%252f", "..;/",
    "./{run}", "{run}/", "{run}/.", "{run}/..", "{run}/../{run}", "{run}\0", "{run}\0.json", "{run}%00",
    "{run}.json", "{RUN}", " {run}", "{run} ", "{run}\n", "{run},{run}/..", "/etc/passwd", "file:///etc/passwd",
    "C:\\Windows", "\\\\host\\share", "CON", "/proc/self/environ", "{outside}", "{outside}/runs/{run}", ".lock",
    ".new-{run}", ".partial-{run}", ".gone-{run}", "run.json", "' OR 1=1 --", "1; DROP TABLE jobs", "${HOME}",
    "$(id)", "`id`", "{{7*7}}", "<script>", "\u2025", "\uff0e\uff0e\uff0f", "\u202e", "\ud800", "a" * 33, "a" * 5000,
    "\u0430bcdefghjk", "\u24d0bc", "null", "None", "0", "-1", "1e9", "true", "[]",
]  # fmt: skip
PARTS = [
    "..",
    "/",
    "\\",
    "%2f",
    "%5c",
    "%2e",
    "%00",
    "\0",
    "a",
    "{run}",
    ".",
    "~",
    ":",
    "*",
    "\u2215",
    "runs",
    "etc",
    " ",
]


class Watch:
    """Paths outside the lab that something looked at while `watching`. A hook can never be taken away again."""

    LOOKING = ("open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree")

    def __init__(self) -> None:
        self.outside: str | None = None
        self.found: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.outside is None or event not in self.LOOKING or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]).replace("\0", ""))
        if path.startswith((self.outside, "/etc/passwd", "/proc/self/environ")):
            self.found.append(f"{event} {path}")

    @contextmanager
    def watching(self, outside: Path) -> Iterator[None]:
        self.outside = str(outside)
        try:
            yield
        finally:
            self.outside = None


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture
def known(home: Home, contents, make_zip, start_run, woken) -> dict[str, str]:
    """What the payloads are filled with: a run of this lab, whose double lies outside it with all else."""
    run = start_run(epochs=1).train().end()
    add_dataset(home, make_zip(contents("A/1.png A/2.png B/1.png B/2.png")), "images")
    begin_upload(home, "sent", [("A/1.png", 1)])
    other = home.root.parent / "other"
    shutil.copytree(home.root, other)
    return {"run": run.id, "RUN": run.id.upper(), "outside": str(other)}


def payloads(known: dict[str, str], count: int) -> list[str]:
    """The list, and `count` made of the same parts."""
    draw = random.Random(7)
    made = ["".join(draw.choice(PARTS) for _ in range(draw.randint(1, 8))) for _ in range(count)]
    texts = []
    for text in [*PAYLOADS, *made]:
        for name, value in known.items():
            text = text.replace("{" + name + "}", value)
        texts.append(text)
    return [text for text in dict.fromkeys(texts) if text not in known.values() or not is_id(text)]


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below `root`; the lab's lock files come and go."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.endswith((".lock", "-wal", "-shm", ".sqlite", ".log"))
    }


DEEDS: dict[str, Callable[[Home, str], object]] = {
    "load a run": lambda home, text: load_run(text, home),
    "status": run_status,
    "stop": stop,
    "stop by force": lambda home, text: stop(home, text, force=True),
    "resume": resume,
    "retry": retry,
    "delete a run": delete,
    "move": lambda home, text: move(home, text, 1),
    "change the LR": lambda home, text: set_lr(home, text, factor=0.5),
    "load images": load_dataset,
    "delete images": delete_dataset,
    "open an upload": open_upload,
    "look at an import": import_status,
    "cancel an import": cancel_import,
    "carry out an import": run_import,
}


def test_no_deed_leaves_the_lab(
    home: Home, known: dict[str, str], watch: Watch, long: bool, figure: Callable[[str, str], None]
) -> None:
    before = snapshot(home.root.parent)
    texts = payloads(known, 5_000 if long else 300)
    watch.found = []
    for text in texts:
        for name, deed in DEEDS.items():
            with pytest.raises(LabError) as caught, watch.watching(home.root.parent / "other"):
                deed(home, text)
            assert isinstance(caught.value, NotFound), (name, text)
            assert len(str(caught.value)) < 400
        with watch.watching(home.root.parent / "other"):
            cancel_upload(home, text)  # one that is already gone is no error
    assert watch.found == []
    assert snapshot(home.root.parent) == before
    figure("ids", f"{len(texts)} payloads to {len(DEEDS) + 1} deeds: all unknown, 0 looks outside the lab")


def test_the_watch_and_the_deeds_would_see_it(home: Home, known: dict[str, str], watch: Watch) -> None:
    watch.found = []
    with watch.watching(Path(known["outside"])):
        (Path(known["outside"]) / "runs" / known["run"] / "run.json").read_bytes()
    assert watch.found
    assert load_run(known["run"], home).record.name == load_run(known["run"], Home(Path(known["outside"]))).record.name


ASKED = {
    "/api/runs/{run}/model": "which",
    "/api/runs/{run}/export": "format",
    "/api/runs/{run}/ahead": "epochs",
    "/api/live": "runs",
    "/api/live?runs={said}": "x",
    "/api/finder/{run}": "run",
}
"""Paths, and the parameter of each that is tried."""

BODIES = [b"", b"{}", b'{"factor": 0.5}', b'{"epochs": 1}', b'{"name": "x"}', b"[]", b"\xff\0", b"[" * 5000]


@pytest.mark.timeout(1800)
def test_no_route_leaves_the_lab(
    home: Home, known: dict[str, str], watch: Watch, long: bool, figure: Callable[[str, str], None]
) -> None:
    client = TestClient(Starlette(routes=routes(home)), base_url=BASE, raise_server_exceptions=False)
    ours = [route for route in routes(home) if isinstance(route, Route)]
    with_ids = [route for route in ours if "{" in route.path]
    assert len(with_ids) >= 12
    before = snapshot(home.root.parent)
    texts = payloads(known, 500 if long else 20)
    watch.found, asked = [], 0
    for place, text in enumerate(texts):
        said = urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")
        for number, route in enumerate(with_ids):
            path = route.path.replace("{run_id}", said).replace("{id}", said).replace("{row:int}", "0")
            for method in sorted((route.methods or set()) - {"HEAD"}):
                body = BODIES[(place + number) % len(BODIES)]
                with watch.watching(home.root.parent / "other"):
                    answer = client.request(method, path, content=body, headers={"origin": BASE})
                asked += 1
                assert answer.status_code in (400, 403, 404, 405) or (method, answer.content) == ("DELETE", b"{}"), (
                    method, path, answer.status_code, answer.text[:200],
                )  # fmt: skip
                assert "Traceback" not in answer.text
    assert watch.found == []
    assert snapshot(home.root.parent) == before
    figure("ids over HTTP", f"{asked:,} requests to {len(with_ids)} routes: all refused, 0 looks outside the lab")


def test_no_query_parameter_leaves_the_lab_or_breaks_a_route(
    home: Home, known: dict[str, str], watch: Watch, long: bool
) -> None:
    client = TestClient(Starlette(routes=routes(home)), base_url=BASE, raise_server_exceptions=False)
    run = known["run"]
    for text in payloads(known, 500 if long else 20):
        said = urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")
        for asked, name in ASKED.items():
            path = asked.replace("{run}", run).replace("{said}", said)
            with watch.watching(home.root.parent / "other"):
                answer = client.get(f"{path}{'&' if '?' in path else '?'}{name}={said}")
            assert answer.status_code in (200, 400, 404), (path, name, text, answer.status_code)
            if answer.status_code != 200:
                assert set(answer.json()) == {"error", "field"}
    assert watch.found == []


PAGES = {"train": "run", "find_lr": "run", "compare": "runs", "images": "dataset", "schedule": "schedule"}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", PAGES)
def test_no_page_breaks_on_what_its_address_says(
    page: str, known: dict[str, str], home: Home, watch: Watch, long: bool
) -> None:
    from streamlit.testing.v1 import AppTest

    from tests.ui.conftest import SCRIPT

    texts = payloads(known, 50)
    watch.found = []
    for text in texts if long else texts[3::40]:
        shown = AppTest.from_string(SCRIPT.format(name=page), default_timeout=60)
        shown.query_params[PAGES[page]] = text.encode("utf-8", "replace").decode()
        with watch.watching(home.root.parent / "other"):
            shown.run()
        assert not shown.exception, (text, [element.message for element in shown.exception])
    assert watch.found == []


COMMANDS = [
    ["runs", "show"], ["runs", "stop"], ["runs", "delete"], ["runs", "resume"], ["runs", "retry"], ["evaluate"],
    ["runs", "export"], ["data", "show"], ["data", "delete"], ["import"], ["compare"], ["predict"],
]  # fmt: skip


def test_no_command_leaves_the_lab(
    home: Home, known: dict[str, str], watch: Watch, capsys: pytest.CaptureFixture[str], long: bool
) -> None:
    before = snapshot(home.root.parent)
    watch.found = []
    texts = [text for text in payloads(known, 100 if long else 10) if not text.startswith("-") and "\0" not in text]
    for text in texts if long else texts[::3]:
        for command in COMMANDS:
            with watch.watching(home.root.parent / "other"):
                try:
                    code = main([*command, text])
                except SystemExit as left:
                    code = left.code
            said = capsys.readouterr()
            assert code == 2, (command, text, said)
            assert "Traceback" not in said.err, (command, text)
    assert watch.found == []
    assert snapshot(home.root.parent) == before


ROWS = [-1, 4, 10**6, 2**63]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_that_is_not_there_is_refused(home: Home, known: dict[str, str], row: int) -> None:
    with pytest.raises(LabError):
        thumbnail(load_dataset(home, "images"), row, 64)
