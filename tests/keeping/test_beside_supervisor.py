"""The doctor and the lab's lock: it looks while it may have it, and no supervisor waits for whoever reads."""

from __future__ import annotations

import pytest
from filelock import FileLock

from lrlab.keeping import examine
from lrlab.keeping.restoring import HIDDEN

from .conftest import Lab


@pytest.fixture
def left(lab: Lab) -> list[str]:
    """What the doctor says of two restores that were killed."""
    names = [f"{HIDDEN}a", f"{HIDDEN}b"]
    for name in names:
        (lab.home.root / name).mkdir()
    return [f"{name}, left by a restore that was killed" for name in names]


def test_the_supervisor_that_it_starts_hides_nothing_from_it(
    lab: Lab, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = FileLock(lab.home.supervisor_lock)
    monkeypatch.setattr("lrlab.keeping.doctor.ensure_attended", lambda home: lock.acquire(blocking=False))
    try:
        results = list(examine(lab.home))
        assert [(one.state, one.finding.wrong) for one in results] == [("repaired", wrong) for wrong in left]
        assert lock.is_locked, "it was started"
    finally:
        lock.release()
    assert not list(lab.home.root.glob(f"{HIDDEN}*"))


@pytest.mark.parametrize("repair", [False, True])
def test_no_supervisor_waits_while_a_person_reads_of_a_restore(lab: Lab, left: list[str], repair: bool) -> None:
    results = examine(lab.home, repair=repair)
    assert next(results).finding.wrong == left[0]
    with FileLock(lab.home.supervisor_lock, blocking=False):
        assert [one.finding.wrong for one in results] == left[1:]
    assert len(list(lab.home.root.glob(f"{HIDDEN}*"))) == (0 if repair else 2)
