"""Several web servers and supervisors over one store: each job is claimed once, whoever asks at the same moment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from lrlab.home import Home
from lrlab.jobs.queue import Queue

CLAIMERS, JOBS = 8, 10_000

CLAIM = """
import sys, time
from lrlab.home import lab_home
from lrlab.jobs.queue import Queue
with Queue(lab_home()) as queue:
    print("here", flush=True)
    time.sleep(max(0, float(sys.stdin.readline()) - time.time()))
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
    began = time.time() + 0.5
    for claimer in claimers:  # which all begin at that moment
        assert claimer.stdin
        claimer.stdin.write(f"{began}\n")
        claimer.stdin.flush()
    claimed = {f"w{number}": claimer.communicate()[0].split() for number, claimer in enumerate(claimers)}
    seconds = time.time() - began
    assert [claimer.returncode for claimer in claimers] == [0] * CLAIMERS
    assert sorted(job for some in claimed.values() for job in some) == sorted(jobs)
    with Queue(home) as queue:
        known = queue.claimed()
    assert {(job.run_id, job.worker) for job in known} == {(job, who) for who, some in claimed.items() for job in some}
    assert all(job.claims == 1 for job in known)
    shares = [len(some) for some in claimed.values()]
    # They did compete, though not all need have won: SQLite is not fair to who waits for it.
    assert sum(map(bool, shares)) > CLAIMERS // 2, shares
    figure(
        "several claimers",
        f"{CLAIMERS} claimers, {JOBS:,} jobs ({min(shares):,} to {max(shares):,} each): "
        f"claimed twice 0, never 0; {1000 * seconds / JOBS:.2f} ms a claim",
    )
