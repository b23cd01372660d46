"""Where and how the doctor looks: beside those who are at work, thoroughly if asked, and only at a lab it knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock

from lrlab.errors import LabError
from lrlab.files import write_json
from lrlab.home import Home
from lrlab.jobs import Queue
from lrlab.keeping import examine
from lrlab.runs import load_run, update

from .conftest import Lab, checkpoint
from .damaging import add, first_image, queue, told


@pytest.mark.parametrize("repair", [False, True])
def test_no_supervisor_waits_until_somebody_has_read_what_is_told(lab: Lab, woken: list[Home], repair: bool) -> None:
    for run in lab.waiting:
        queue(lab, lambda rows, run=run: rows.withdraw(run.id))
    results = examine(lab.home, repair=repair)
    assert next(results).finding.wrong == "it is queued, but not in the queue"
    with FileLock(lab.home.supervisor_lock, blocking=False):
        with Queue(lab.home) as rows:
            assert len(rows.order()) == (2 if repair else 0)
        assert len(list(results)) == 1
    assert woken == ([lab.home] if repair else [])


def test_while_a_supervisor_is_at_work_the_queue_is_its_own(gone: Lab) -> None:
    with Queue(gone.home) as queue:
        queue.add(gone.done.id)
    with FileLock(gone.home.supervisor_lock):
        assert told(list(examine(gone.home))) == []
        gone.home.queue.write_bytes(b"no database" * 999)
        (found,) = examine(gone.home)
    assert (found.state, found.finding.place) == ("open", "queue")
    assert found.finding.remedy.startswith("stop the server and its supervisor")


def test_a_run_at_work_is_left_alone(lab: Lab) -> None:
    run = lab.working.run
    add(run.folder / "steps-1.csv", b"6,1,17")
    checkpoint(run, 1, 6).unlink()
    (run.folder / ".reserve").write_bytes(b"x")
    assert told(list(examine(lab.home))) == []


def test_an_image_that_was_altered_is_found_by_a_thorough_look(lab: Lab) -> None:
    image = first_image(lab.dataset)
    content = bytearray(image.read_bytes())
    content[-1] ^= 1
    image.write_bytes(content)
    assert told(list(examine(lab.home))) == []
    (found,) = examine(lab.home, thorough=True)
    assert found.finding.wrong == "images that are not what was imported: 'dark/1.png'"


def test_a_checkpoint_that_was_altered_is_found_by_a_thorough_look(lab: Lab) -> None:
    path = checkpoint(lab.done, 1, 8)
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    assert told(list(examine(lab.home, repair=False))) == []
    assert told(list(examine(lab.home, thorough=True)))[0][2] == "the checkpoint 1-8.pt is damaged"


@pytest.mark.parametrize("present", [(), ("datasets",), ("runs",)])
def test_a_folder_that_is_no_lab_is_not_made_one(tmp_path: Path, present: tuple[str, ...]) -> None:
    folder = tmp_path / "mine"
    for name in present:
        (folder / name).mkdir(parents=True)
    with pytest.raises(LabError, match="home: there is no lab in"):
        list(examine(Home(folder)))
    assert not folder.exists() or sorted(path.name for path in folder.iterdir()) == sorted(present)


def test_a_lab_of_a_later_lrlab_is_refused(home: Home) -> None:
    write_json(home.mark_file, {"format": 2})
    with pytest.raises(LabError, match="was written by a later lrlab"):
        list(examine(home))
    assert json.loads(home.mark_file.read_bytes()) == {"format": 2}


def test_a_run_may_begin_while_its_log_is_looked_at(lab: Lab) -> None:
    """A worker may have made the attempt between the look and the repair: its log stays."""
    path = lab.done.folder / "steps-2.csv"
    path.write_bytes(b"step,epoch,time,lr,loss\n")
    results = examine(lab.home, repair=False)
    finding = next(one.finding for one in results if "steps-2.csv" in one.finding.wrong)
    record = load_run(lab.done.id, lab.home).record
    update(lab.done, attempts=(*record.attempts, record.attempts[0].model_copy(update={"number": 2})))
    assert finding.repair
    finding.repair()
    assert path.exists()
