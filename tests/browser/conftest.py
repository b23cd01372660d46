"""A real browser and a real server: `server` is lrlab as a person starts it, on a lab of its own; `page` is a tab.

Both last for one module of tests. Where the machine has no Chromium these tests are skipped, but with CI=true they
fail. LRLAB_CHROMIUM may name the browser's executable.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from lrlab.home import Home

PROJECT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium: install the system's, or run `python -m playwright install chromium`"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LONGEST = 60.0  # seconds, for a machine that does much else


@dataclass(frozen=True)
class Server:
    """A running lrlab. `process` is the server's own; supervisors, workers and imports are its children."""

    url: str
    home: Home
    process: subprocess.Popen[bytes]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until a condition holds; fails where it does not within a minute."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + LONGEST
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    # Not for the whole session: while it lives, asyncio.run() of other tests is refused.
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def launch(playwright: Playwright) -> Callable[[], Browser]:
    """Starts a Chromium of its own; see the head of this module for a machine without it. Whoever asks closes it."""
    named = os.environ.get("LRLAB_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None) or playwright.chromium.executable_path
    if not Path(found).exists():
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return lambda: playwright.chromium.launch(executable_path=found, args=list(FLAGS))


@pytest.fixture(scope="module")
def browser(launch: Callable[[], Browser]) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`streamlit run app.py` on a free port and an empty lab; at the end it and everything it started is ended."""
    with _served(tmp_path_factory.mktemp("lab"), _free_port()) as server:
        yield server


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A fresh tab; page.goto("/images") opens a page of the server. Fails the test where a script threw an error."""
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 720})
    context.set_default_timeout(1000 * LONGEST)
    expect.set_options(timeout=1000 * LONGEST)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return _free_port


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[Server]]:
    """`with served(root, port, "--server.baseUrlPath", "x") as server:` is a server with settings of its own."""
    return _served


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def _served(root: Path, port: int, *flags: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), *flags]
    environment = {**os.environ, "LRLAB_HOME": str(root)}
    with (root / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", Home(root).ensure(), process)
    try:
        _wait_until_up(server)
        yield server
    finally:
        _end(process)


def _wait_until_up(server: Server) -> None:
    end = time.monotonic() + LONGEST
    while True:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        log = (server.home.root / "server.log").read_text(errors="replace")
        assert server.process.poll() is None and time.monotonic() < end, f"the server does not start:\n{log}"
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the server and what it started, each by its own identity; a supervisor outlives its server otherwise."""
    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        started = []
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in started:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(started, timeout=10)
