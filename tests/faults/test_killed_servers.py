"""Web servers killed with `kill -9`: the jobs go on, and soon after a restart the pages show them again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.jobs.queue import Queue
from lrlab.process import Identity, find, is_alive
from lrlab.runs import DatasetFacts, Run, create_run
from tests.serving import LONGEST, free_port

from .labs import FAKE, HERE, end_workers, ended, enqueue, wait_until
from .serving import LONG

pytestmark = pytest.mark.timeout(3600)

KILLS = 50 if LONG else 10
PROMISE = 5.0
"""Seconds from the start of the server until a page shows the runs; held to in the long setting, on a quiet machine."""

SERVE = """
import sys
from lrlab.jobs import launching
from streamlit.web import cli
launching.ensure_supervisor.__kwdefaults__["command"] = {supervisor!r}  # whose workers need no torch
sys.argv = ["streamlit", "run", "app.py", "--server.port", {port!r}]
cli.main()
"""


def make(home: Home, name: str) -> Run:
    """A run long enough for the whole test; its name tells the fake worker to go on until it is asked to stop."""
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=120, val=30)
    experiment = Experiment(name=name, dataset="coffee", epochs=5)
    return create_run(home, experiment, dataset=facts, steps_per_epoch=100_000)


class Server:
    """`streamlit run app.py`, in a session of its own with all that it starts without a session of its own."""

    def __init__(self, home: Home, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.began = time.monotonic()
        program = SERVE.format(supervisor=FAKE, port=str(port))
        with (home.root / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program], cwd=HERE.parents[1], stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def shown(self, runs: list[Run]) -> list[dict[str, Any]]:
        """What the charts' page is told of `runs` by the first event of its stream, once the server answers."""
        path = f"/api/live?runs={','.join(run.id for run in runs)}&x=step&log=0"
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                    for line in answer:
                        if line.startswith(b"data: "):
                            return list(json.loads(line[6:])["runs"])
            except OSError:
                assert time.monotonic() - self.began < LONGEST, "the server does not answer"
                time.sleep(0.02)

    def post(self, path: str) -> int:
        request = urllib.request.Request(self.url + path, method="POST", headers={"Origin": self.url})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)


def supervisors(home: Home) -> set[int]:
    """The processes of the supervisors that were at work so far."""
    log = home.supervisor_log.read_text() if home.supervisor_log.exists() else ""
    return {int(line.split("supervisor ")[1].split(":")[0]) for line in log.splitlines() if line.endswith(": begins")}


def test_the_jobs_go_on_and_are_shown_again(home: Home, figure: Callable[[str, str], None]) -> None:
    home.settings.write_text("[jobs]\nat_a_time = 2\n")
    runs, port, waits = [make(home, "until asked"), make(home, "until asked")], free_port(), []
    enqueue(home, *runs)
    server = Server(home, port)
    try:
        # The server itself starts the supervisor, a few seconds after its first page.
        wait_until(lambda: all(run.record.state == "running" and len(run.steps) > 1 for run in runs))
        workers = [run.record.attempts[0].identity for run in runs]
        for _ in range(KILLS):
            server.shown(runs)
            server.kill()
            rows = [len(run.steps) for run in runs]
            server = Server(home, port)
            told = server.shown(runs)
            waits.append(time.monotonic() - server.began)
            assert [run["state"] for run in told] == ["running"] * 2
            assert all(run["step"] > before for run, before in zip(told, rows, strict=True))
            assert all(map(is_alive, workers))
        with urllib.request.urlopen(server.url, timeout=30) as page:
            assert page.status == 200
        assert len(supervisors(home)) == 1  # which outlived every server
        for run in runs:
            assert server.post(f"/api/runs/{run.id}/stop") < 300
        wait_until(lambda: ended(*runs))
    finally:
        server.kill()
        _end_supervisors(home)
        end_workers(home)
    assert [run.record.state for run in runs] == ["cancelled"] * 2
    for run in runs:
        steps = run.steps["step"].tolist()
        assert len(run.record.attempts) == 1 and steps == list(range(len(steps)))
    worst, middle = max(waits), sorted(waits)[len(waits) // 2]
    figure(
        "kill -9 of the web server",
        f"{KILLS} kills with 2 jobs at work: interrupted 0; shown again {middle:.1f} s after the start of the next "
        f"server (median), {worst:.1f} s at most",
    )
    assert not LONG or worst <= PROMISE


def _end_supervisors(home: Home) -> None:
    with Queue(home) as queue:
        spare = queue.spare()
    known = [Identity.model_validate_json(spare)] if spare else []
    for pid in supervisors(home):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for process in filter(None, map(find, known)):
        process.kill()
