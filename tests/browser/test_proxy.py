"""docs/nginx.conf as it stands, in a real nginx before a real lab: every path is signed in to, and everything works.

Only the addresses are changed, and the lines of the certificate are left out.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import streamlit
from playwright.sync_api import Browser, expect

from lrlab.experiments import Experiment
from lrlab.runs import DatasetFacts, create_run, update
from tests.serving import missing

CONFIGURATION = Path(__file__).resolve().parents[2] / "docs" / "nginx.conf"
NAME = "lab.school.example"
COOKIE = "proxy=signed-in"
LONGEST = 60_000.0


class Asked(BaseHTTPRequestHandler):
    """What stands for oauth2-proxy: says of a request whether it comes from somebody."""

    def do_GET(self) -> None:
        known = COOKIE in self.headers.get("cookie", "")
        status = (202 if known else 401) if self.path.startswith("/oauth2/auth") else 200
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server(browser: Browser, served: Any, free_port: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """A lab that a proxy is put before, by its name."""
    with served(
        tmp_path_factory.mktemp("lab"), free_port(), "--server.allowedHosts", NAME, "--server.allowedHosts", "127.0.0.1"
    ) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(server: Any, free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port on which nginx listens."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if nginx is None:
        missing("nginx is not installed")
    asked = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    threading.Thread(target=asked.serve_forever, daemon=True).start()
    port, folder = free_port(), tmp_path_factory.mktemp("nginx")
    (folder / "nginx.conf").write_text(_whole(folder, port, asked.server_port, server.url.removeprefix("http://")))
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
    try:
        _wait_until_up(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)
        asked.shutdown()


def _whole(folder: Path, port: int, asked: int, lab: str) -> str:
    """nginx's configuration: ours, with the addresses of this test."""
    ours = CONFIGURATION.read_text()
    changed = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "127.0.0.1:4180": f"127.0.0.1:{asked}",
        "127.0.0.1:8501": lab,
    }
    for before, after in changed.items():
        assert before in ours
        ours = ours.replace(before, after)
    ours = re.sub(r".*ssl_certificate.*\n", "", ours)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    around = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
    return f"{around} http {{ access_log off; {places}\n{ours}}}"


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            return ask(port, "GET", "/oauth2/start")[0] == 200 or None
        except OSError:
            assert process.poll() is None and time.monotonic() < end, process.stderr and process.stderr.read()
            time.sleep(0.05)


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, {"host": NAME, **headers})
    answer = connection.getresponse()
    found = (answer.status, {name.lower(): value for name, value in answer.getheaders()})
    connection.close()
    return found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/train"),
        ("GET", "/static/js/index.js"),
        ("GET", "/_stcore/health"),
        ("GET", "/_stcore/stream"),
        ("GET", "/media/0123.png"),
        ("PUT", "/_stcore/upload_file/session/file"),
        ("GET", "/api/status"),
        ("GET", "/api/live?runs=abcdefghij"),
        ("POST", "/api/imports"),
        ("GET", "/oauth2/../api/status"),
        ("GET", "//api/status"),
    ],
)
def test_no_path_is_answered_before_the_sign_in(proxy: int, method: str, path: str) -> None:
    status, headers = ask(proxy, method, path)
    assert (status, headers["location"].partition("?")[0][-len("/oauth2/start") :]) == (302, "/oauth2/start")


def test_whether_somebody_is_known_cannot_be_asked_from_outside(proxy: int) -> None:
    assert ask(proxy, "GET", "/oauth2/auth")[0] == 404


def test_the_lab_is_reached_by_its_name_and_guards_what_changes_something(proxy: int) -> None:
    signed = {"cookie": COOKIE}
    assert ask(proxy, "GET", "/api/status", **signed)[0] == 200
    body = b'{"name": "x", "files": []}'
    assert ask(proxy, "POST", "/api/uploads", body, **signed)[0] == 403
    assert ask(proxy, "POST", "/api/uploads", body, **signed, origin="https://evil.example")[0] == 403
    assert (
        ask(proxy, "POST", "/api/uploads", body, **signed, origin=f"https://{NAME}")[0] == 400
    )  # no files: understood


def test_a_large_body_goes_through(proxy: int) -> None:
    """More than nginx takes by itself (1 MB): refused by the lab, which has no such upload, and not by nginx."""
    status, _ = ask(
        proxy, "PUT", "/api/uploads/abcdefghij/files", bytes(8 * 1024**2), cookie=COOKIE, origin=f"https://{NAME}"
    )
    assert status == 404


def test_the_policy_knows_the_one_script_of_streamlits_page() -> None:
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = {"sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    policy = re.search(r'Content-Security-Policy "([^"]+)"', CONFIGURATION.read_text())
    assert policy and hashes == set(re.findall(r"sha256-[A-Za-z0-9+/=]+", policy[1]))


def test_pages_work_under_the_policy(browser: Browser, proxy: int, server: Any) -> None:
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)
    run = create_run(
        server.home, Experiment(dataset="coffee", name="Run seen through"), dataset=facts, steps_per_epoch=5
    )
    update(run, state="cancelled")
    address = f"http://127.0.0.1:{proxy}"
    context = browser.new_context(base_url=address)
    context.add_cookies([{"name": "proxy", "value": "signed-in", "url": address}])
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(f"pageerror {error}"))
    headers = page.goto("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    expect(page.get_by_text("The LR starts at 0.001")).to_be_visible(timeout=LONGEST)  # a WebSocket, and a component
    page.goto("/gallery")
    expect(page.get_by_text("CosineAnnealingLR").first).to_be_visible(timeout=LONGEST)
    page.goto(f"/train?run={run.id}")
    expect(page.get_by_text("cancelled").first).to_be_visible(timeout=LONGEST)  # the event stream
    page.goto("/images")
    expect(page.get_by_text("Choose a folder")).to_be_visible(timeout=LONGEST)
    context.close()
    assert [text for text in told if "Content Security Policy" in text or text.startswith("pageerror")] == []
