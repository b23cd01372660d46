"""A run is a worker's until run.json says otherwise; what all attempts share is replaced only while it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrlab.errors import LabError
from lrlab.files import write_atomic
from lrlab.process import identity
from lrlab.runs import Attempt, Run, delete_run, update
from lrlab.training import resuming
from lrlab.training.lease import Lease, LeaseLost

from .conftest import MakeRun


def attempt(number: int, **facts: object) -> Attempt:
    given = {"started": 1.0, "identity": identity(), "host": "here", **facts}
    return Attempt.model_validate({"number": number, **given})


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    made = make_run()
    update(made, state="running", attempts=(attempt(1),))
    return made


def deleted(run: Run) -> None:
    update(run, state="failed")
    delete_run(run)


LOST: dict[str, tuple[Callable[[Run], object], str]] = {
    "a newer attempt": (lambda run: update(run, attempts=(attempt(1), attempt(2))), "attempt 2 has the run"),
    "queued anew": (lambda run: update(run, state="queued", attempts=(attempt(1, ended=2.0),)), "the run is queued"),
    "ended": (lambda run: update(run, state="lost"), "the run is lost"),
    "deleted": (deleted, "the run was deleted"),
}


@pytest.mark.parametrize("case", LOST)
def test_it_is_lost(run: Run, case: str) -> None:
    lease = Lease(run, 1)
    change, why = LOST[case]
    lease.look()
    change(run)
    with pytest.raises(LeaseLost, match=why):
        lease.look()
    with pytest.raises(LeaseLost, match=why):
        write_atomic(run.folder / "best.safetensors", b"", guard=lease.held()) if run.folder.exists() else lease.look()
    assert not run.best_model.exists()


def test_other_changes_are_none_of_its_business(run: Run) -> None:
    lease = Lease(run, 1)
    for name in "abc":
        update(run, name=name)
        lease.look()
    with lease.held(), pytest.raises(LabError):
        raise LabError("passes through")


def test_it_lasts_while_the_file_is_replaced(run: Run) -> None:
    """Whoever would take the run over waits until the name has changed."""
    lease, taken = Lease(run, 1), []

    def take_over() -> None:
        update(run, attempts=(attempt(1), attempt(2)))
        taken.append(time.monotonic())

    other = threading.Thread(target=take_over)
    with lease.held():
        other.start()
        other.join(0.2)
        assert other.is_alive() and not taken
    other.join(10)
    assert taken


@pytest.mark.parametrize("beside", [True, False], ids=["with its best model", "without"])
def test_who_lost_the_run_while_it_read_the_checkpoint_spoils_nothing(
    run: Run, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run.folder / "checkpoints"
    folder.mkdir()
    checkpoint, best = folder / "1-3.pt", folder / "1-3.safetensors"
    checkpoint.touch()
    if beside:
        best.write_bytes(b"of attempt 1")
    update(run, attempts=(attempt(1), attempt(2)))

    def read(path: Path, told: object) -> dict[str, Any]:
        update(run, attempts=(attempt(1), attempt(2), attempt(3)))
        run.best_model.write_bytes(b"of attempt 3")
        return {}

    monkeypatch.setattr(resuming, "read", read)
    monkeypatch.setattr(resuming, "put_back", lambda loop, state: None)
    loop: Any = None
    lease = Lease(run, 2)
    with pytest.raises(LeaseLost, match="attempt 3 has the run"):
        resuming.restore(loop, run, [attempt(1)], lambda: None, lease.held, lease.held)
    assert run.best_model.read_bytes() == b"of attempt 3"
    half = folder / ".3-4.pt.abcdef"
    half.touch()
    with pytest.raises(LeaseLost, match="attempt 3 has the run"):
        resuming.restore(loop, run, [attempt(1)], lambda: None, lease.held, lease.held)
    assert half.exists()


def test_nothing_is_read_while_nothing_changed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(run, 1)
    lease.look()
    monkeypatch.setattr(Lease, "check", lambda self, record: pytest.fail("run.json did not change"))
    lease.look()
