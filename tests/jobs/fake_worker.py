"""A worker that keeps the contract of `python -m lrlab work --wait` and trains nothing: no torch, ready at once.

What it does with its run is the run's name: "until asked" logs rows until a stop is asked for, "succeed" ends at once,
"exit 3" dies so, "raise" dies of an exception, "kill" of a signal, "deaf" never looks whether it should stop,
"late" begins only once the file `go` lies in the run's folder.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from lrlab.process import identity
from lrlab.runs import Attempt, Beat, Run, load_run, open_log, stop_requested, update


def main() -> None:
    print("ready", flush=True)
    run_id = sys.stdin.readline().strip()
    if not run_id:
        return
    run = load_run(run_id)
    printed = os.open(run.worker_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    behave(run, run.record.name)


def behave(run: Run, name: str) -> None:
    if name == "die early":
        raise RuntimeError("no such device")
    while name == "late" and not (run.folder / "go").exists():
        time.sleep(0.01)
    attempts = run.record.attempts
    mine = Attempt(
        number=len(attempts) + 1, started=time.time(), identity=identity(), host=socket.gethostname(), device="none"
    )
    update(run, state="running", attempts=(*attempts, mine))
    with open_log(run, mine.number) as log:
        beat, step = Beat(run), 0
        log.step(step=step, epoch=0, lr=0.1, loss=1.0)
        beat.batch(0.01, phase="training", step=step)
        print("the first step is done", flush=True)
        if name.startswith("exit "):
            sys.exit(int(name.removeprefix("exit ")))
        if name == "raise":
            raise RuntimeError("shapes do not match")
        if name == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "succeed":
            update(run, state="succeeded", ended=time.time())
            return
        while name == "deaf" or not stop_requested(run):
            time.sleep(0.01)
            step += 1
            log.step(step=step, epoch=0, lr=0.1, loss=1.0)
            beat.batch(0.01, step=step)
    update(run, state="cancelled", ended=time.time())


main()
