"""Web servers killed with `kill -9`: the jobs go on, and soon after a restart the pages show them again.

And two web servers on one lab: neither starts what the other has started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from lrlab.datasets import add_dataset
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.process import is_alive
from lrlab.runs import DatasetFacts, Run, create_run, update
from tests.serving import LONGEST, free_port

from .labs import FAKE, HERE, ended, enqueue, wait_until
from .serving import LONG

pytestmark = pytest.mark.timeout(3600)

KILLS = 50 if LONG else 10
RUNS = 40 if LONG else 8
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


IMAGES = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=120, val=30)


def make(home: Home, name: str, facts: DatasetFacts = IMAGES) -> Run:
    """A run long enough for the whole test; its name tells the fake worker what to do."""
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
        """The answer's status."""
        request = urllib.request.Request(self.url + path, method="POST", headers={"Origin": self.url})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code


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
        end_processes_of(home)
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


def test_two_servers_have_one_supervisor_and_run_each_run_once(
    home: Home,
    make_zip: Callable[..., Path],
    contents: Callable[[str], dict[str, bytes]],
    figure: Callable[[str, str], None],
) -> None:
    """Both are asked at once to try every run again; one of them does."""
    dataset = add_dataset(home, make_zip(contents("Dark/1.png Dark/2.png Light/3.png Light/4.png")), "coffee")
    facts = DatasetFacts(id=dataset.id, name=dataset.name, classes=dataset.classes, train=2, val=2)
    runs = [make(home, "succeed", facts) for _ in range(RUNS)]
    for run in runs:
        update(run, state="failed", ended=1.0)
    servers = [Server(home, free_port()) for _ in range(2)]
    try:
        for server in servers:
            server.shown(runs[:1])
        asked = [(server, f"/api/runs/{run.id}/retry") for run in runs for server in servers]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda one: one[0].post(one[1]), asked))
        wait_until(lambda: all(run.record.state == "succeeded" for run in runs))
    finally:
        for server in servers:
            server.kill()
        end_processes_of(home)
    assert [answers[number : number + 2].count(200) for number in range(0, len(answers), 2)] == [1] * RUNS, answers
    assert [len(run.record.attempts) for run in runs] == [1] * RUNS
    assert len(supervisors(home)) == 1
    figure(
        "two web servers, one store",
        f"{RUNS} runs, each asked of both at once: 1 supervisor, run twice 0, never 0",
    )


def end_processes_of(home: Home) -> None:
    """Ends every process that was started for this very lab and outlives its servers."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("LRLAB_HOME") == str(home.root):
                process.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
