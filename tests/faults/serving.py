"""A lrlab server as a person starts it, what it costs while it serves, and browsers to look at it with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Playwright

from lrlab.home import Home

PROJECT = Path(__file__).resolve().parents[2]
LONG = os.environ.get("LRLAB_LONG") == "1"
"""Whether the long setting was asked for: what takes minutes, and figures that are held to their promise."""

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
MB = 1024**2


def free_port() -> int:
    """LRLAB_TEST_PORT where it is set, else a port that nobody listens on."""
    if named := os.environ.get("LRLAB_TEST_PORT"):
        return int(named)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A running lrlab on the lab `home`. `process` is the server's own; `began`: time.monotonic() of its start."""

    home: Home
    port: int
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
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        environment = {**os.environ, "LRLAB_HOME": str(self.home.root)}
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
        """Until the server listens."""
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", self.port)):
                log = (self.home.root / "server.log").read_text(errors="replace")
                late = time.monotonic() - self.began > LONGEST
                assert self.process.poll() is None and not late, f"the server does not start:\n{log}"
                time.sleep(0.02)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@contextmanager
def serving(home: Home) -> Iterator[Server]:
    """A server on `home`; at the end it and everything it started is ended."""
    server = Server(home.ensure(), free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


class Usage:
    """Samples what one process uses, in a thread of its own, until `stop`: `memory` as (seconds, bytes resident)."""

    def __init__(self, pid: int, every: float = 0.1) -> None:
        self._process, self._every = psutil.Process(pid), every
        self.memory: list[tuple[float, int]] = []
        self._cpu, self._began = self._used(), time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Usage:
        """Ends the sampling; `cpu` is then the share of one core that was used, 1.0: all of it."""
        self.seconds = time.monotonic() - self._began
        self.cpu = (self._used() - self._cpu) / self.seconds
        self._over.set()
        self._thread.join()
        return self

    @property
    def peak(self) -> int:
        return max(size for _, size in self.memory)

    def _used(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.memory.append((time.monotonic() - self._began, self._process.memory_info().rss))
            except psutil.NoSuchProcess:
                return
            self._over.wait(self._every)


def launched(playwright: Playwright) -> Browser:
    """A headless Chromium: LRLAB_CHROMIUM, the system's or Playwright's. Without one: skipped, but failed under CI."""
    named = os.environ.get("LRLAB_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None) or playwright.chromium.executable_path
    if not Path(found).exists():
        missing = "no Chromium: install the system's, or run `python -m playwright install chromium`"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return playwright.chromium.launch(executable_path=found, args=list(FLAGS))
