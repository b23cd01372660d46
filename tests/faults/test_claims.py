"""Several web servers and supervisors over one store: each job is claimed once, whoever asks at the same moment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from lrlab.home import Home
from lrlab.jobs.queue import Queue

from .serving import LONG

CLAIMERS, JOBS = 8, 10_000 if LONG else 4_000

CLAIM = """
import sys
from lrlab.home import lab_home
from lrlab.jobs.queue import Queue
with Queue(lab_home()) as queue:
    print("here", flush=True)
    sys.stdin.readline()
    while (job := queue.claim(sys.argv[1], ("auto", "cpu"))) is not None:
        print(job.run_id)
"""


def test_of_eight_claimers_one_gets_each_job(home: Home, figure: Callable[[str, str], None]) -> None:
    jobs = [f"job{number}" for number in range(JOBS)]
    with Queue(home) as queue:
        for job in jobs:
            queue.add(job)
    command = [sys.executable, "-c", CLAIM]
    claimers = [
        subprocess.Popen([*command, f"w{number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(CLAIMERS)
    ]
    for claimer in claimers:
        assert claimer.stdout and claimer.stdout.readline() == "here\n"
    began = time.monotonic()
    for claimer in claimers:  # all at once
        assert claimer.stdin
        claimer.stdin.write("\n")
        claimer.stdin.flush()
    claimed = {f"w{number}": claimer.communicate()[0].split() for number, claimer in enumerate(claimers)}
    seconds = time.monotonic() - began
    assert [claimer.returncode for claimer in claimers] == [0] * CLAIMERS
    assert sorted(job for some in claimed.values() for job in some) == sorted(jobs)
    with Queue(home) as queue:
        known = queue.claimed()
    assert {(job.run_id, job.worker) for job in known} == {(job, who) for who, some in claimed.items() for job in some}
    assert all(job.claims == 1 for job in known)
    shares = [len(some) for some in claimed.values()]
    figure(
        "several claimers",
        f"{CLAIMERS} claimers, {JOBS:,} jobs ({min(shares):,} to {max(shares):,} each): "
        f"claimed twice 0, never 0; {1000 * seconds / JOBS:.2f} ms a claim",
    )
