"""A run is a worker's until run.json says otherwise; what all attempts share is replaced only while it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from lrlab.errors import LabError
from lrlab.files import write_atomic
from lrlab.process import identity
from lrlab.runs import Attempt, Run, delete_run, update
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


def test_nothing_is_read_while_nothing_changed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(run, 1)
    lease.look()
    monkeypatch.setattr(Lease, "check", lambda self, record: pytest.fail("run.json did not change"))
    lease.look()
