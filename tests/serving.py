"""A lrlab server as a person starts it, and browsers to look at it with.

Where the machine has no Chromium the tests that need one are skipped, but with CI=true they fail. LRLAB_CHROMIUM may
name the browser's executable.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import psutil
import pytest
from playwright.sync_api import Browser, Playwright

from lrlab.home import Home

PROJECT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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
LONGEST = 120.0  # seconds, for a machine that does much else


def missing(what: str) -> NoReturn:
    """Skips the test that needs what is not there, but fails it with CI=true: `.ci/run` has installed it."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A running lrlab on the lab `home`, started with `flags`. `process` is the server's own; supervisors, workers and
    imports are its children. `began`: time.monotonic() of its start.

    Unless LRLAB_IDLE_SECONDS says otherwise it keeps no worker warm: where nobody trains none need import torch.
    """

    home: Home
    port: int
    flags: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] = field(init=False)
    began: float = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def memory(self) -> int:
        """Bytes that the server's process has resident now."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port), *self.flags]
        environment = {"LRLAB_IDLE_SECONDS": "0", **os.environ, "LRLAB_HOME": str(self.home.root)}
        self.began = time.monotonic()
        with (self.home.root / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
        self._wait()

    def kill(self) -> None:
        """Ends the server and nothing of what it started, without a warning."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ends the server and what it started, each by its own identity."""
        children = _descendants(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=10)

    def _wait(self) -> None:
        """Until the server answers."""
        while not self._healthy():
            log = (self.home.root / "server.log").read_text(errors="replace")
            late = time.monotonic() - self.began > LONGEST
            assert self.process.poll() is None and not late, f"the server does not start:\n{log}"
            time.sleep(0.02)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:  # nobody listens yet, or not for this
            return False


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@contextmanager
def serving(home: Home, *flags: str, port: int | None = None) -> Iterator[Server]:
    """A server on `home` (default: at a free port); at the end it and everything it started is ended."""
    server = Server(home.ensure(), port or free_port(), flags)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def launched(playwright: Playwright) -> Browser:
    """A headless Chromium: LRLAB_CHROMIUM, the system's or Playwright's."""
    named = os.environ.get("LRLAB_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None) or playwright.chromium.executable_path
    if not Path(found).exists():
        missing("no Chromium: install the system's, or run `python -m playwright install chromium`")
    return playwright.chromium.launch(executable_path=found, args=list(FLAGS))
