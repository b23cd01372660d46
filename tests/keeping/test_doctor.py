"""The doctor's finds, one row a damage: what is said, what becomes of it, and that the lab is well afterwards."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from lrlab.datasets import Dataset
from lrlab.datasets.dataset import IMAGES
from lrlab.datasets.images import CONVERSION
from lrlab.errors import LabError
from lrlab.files import write_json
from lrlab.home import Home
from lrlab.jobs import ImportStatus, Queue, stop
from lrlab.keeping import Result, examine
from lrlab.process import identity
from lrlab.runs import load_run, update
from lrlab.runs.heartbeat import heartbeat_file

from .conftest import Lab, checkpoint, tree, weights

OLD = time.time() - 2 * 3600


def told(results: list[Result]) -> list[tuple[str, str, str]]:
    return [(one.state, one.finding.place, one.finding.wrong) for one in results]


def test_a_lab_at_work_is_well(lab: Lab) -> None:
    assert told(list(examine(lab.home, thorough=True))) == []


@dataclass(frozen=True)
class Damage:
    """`do` damages the lab, `said` begins what the doctor says of it; `{...}` are the ids of the lab's things."""

    do: Callable[[Lab], object]
    place: str
    said: str


def first_image(dataset: Dataset) -> Path:
    return dataset.root / dataset.images["file"][0]


def add(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def aged(path: Path, content: bytes | None = b"x") -> Path:
    """A file, or a folder where `content` is None, that nobody has touched for two hours."""
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    os.utime(path, (OLD, OLD))
    return path


def edit_log(lab: Lab, line: int, text: str) -> None:
    path = lab.done.folder / "steps-1.csv"
    lines = path.read_text().split("\n")
    lines[line] = text
    path.write_text("\n".join(lines))


def spoil_best(lab: Lab) -> None:
    checkpoint(lab.done, 1, 8, epoch=1)
    lab.done.best_model.write_bytes(lab.done.best_model.read_bytes()[:-5])


def queue(lab: Lab, change: Callable[[Queue], object]) -> None:
    with Queue(lab.home) as rows:
        change(rows)


def edit_queue(lab: Lab, statements: str) -> None:
    with closing(sqlite3.connect(lab.home.queue)) as connection:
        connection.executescript(statements)


def claimed_by_the_dead(lab: Lab) -> None:
    me = identity()
    with Queue(lab.home) as rows:
        rows.claim(me.model_copy(update={"started": me.started - 60}).model_dump_json())


REPAIRED = {
    "an earlier lab": Damage(lambda lab: lab.home.mark_file.unlink(), "lab", "an earlier lrlab made it"),
    "a damaged mark": Damage(lambda lab: lab.home.mark_file.write_bytes(b"{"), "lab", "home.json cannot be read"),
    "a folder gone": Damage(lambda lab: shutil.rmtree(lab.home.imports), "lab", "its folder imports is missing"),
    "other counts": Damage(
        lambda lab: write_json(
            lab.dataset.folder / "dataset.json",
            {**lab.dataset.model_dump(mode="json"), "counts": {"train": 5, "val": 1, "test": 0}},
        ),
        "data set lights",
        "dataset.json counts other images than there are",
    ),
    "no list of refused files": Damage(
        lambda lab: (lab.dataset.folder / "refused.parquet").unlink(), "data set lights", "refused.parquet, the list of"
    ),
    "half a row": Damage(
        lambda lab: add(lab.done.folder / "steps-1.csv", b"12,3,170"), "run {done}", "steps-1.csv ends in half a row"
    ),
    "a damaged row": Damage(
        lambda lab: edit_log(lab, 5, "4,1,1.0,\0\0\0"),
        "run {done}",
        "steps-1.csv has 1 damaged rows, the first in line 6",
    ),
    "a row twice": Damage(
        lambda lab: edit_log(lab, 5, "3,0,1.0,0.1,0.5"), "run {done}", "steps-1.csv has 1 damaged rows"
    ),
    "zeros after a power cut": Damage(
        lambda lab: add(lab.done.folder / "epochs-1.csv", bytes(500) + b"\n"),
        "run {done}",
        "epochs-1.csv has 1 damaged rows, the first in line 5",
    ),
    "a log without its attempt": Damage(
        lambda lab: (lab.done.folder / "steps-2.csv").write_bytes(b"step\n"),
        "run {done}",
        "steps-2.csv is the log of an attempt that run.json does not know",
    ),
    "a damaged table": Damage(
        lambda lab: (lab.done.folder / "steps.parquet").write_bytes(b"PAR1"), "run {done}", "steps.parquet, a cache,"
    ),
    "a damaged heartbeat": Damage(
        lambda lab: (lab.done.folder / "heartbeat.json").write_bytes(b""), "run {done}", "heartbeat.json cannot be read"
    ),
    "half a checkpoint": Damage(
        lambda lab: os.truncate(checkpoint(lab.done, 1, 8), 900), "run {done}", "the checkpoint 1-8.pt is damaged"
    ),
    "a best model without its checkpoint": Damage(
        lambda lab: checkpoint(lab.done, 1, 8).unlink(), "run {done}", "1-8.safetensors belongs to no checkpoint"
    ),
    "half a best model": Damage(spoil_best, "run {done}", "best.safetensors is damaged"),
    "damaged predictions": Damage(
        lambda lab: lab.done.predictions.write_bytes(b"PAR1"), "run {done}", "predictions.parquet is damaged"
    ),
    "a folder of nothing": Damage(lambda lab: (lab.home.runs / "abcde").mkdir(), "run abcde", "its folder is empty"),
    "a waiting run out of the queue": Damage(
        lambda lab: queue(lab, lambda rows: rows.withdraw(lab.waiting[0].id)),
        "run {waiting}",
        "it is queued, but not in the queue",
    ),
    "an ended run in the queue": Damage(
        lambda lab: queue(lab, lambda rows: rows.add(lab.done.id)),
        "queue",
        "run {done} is in it and has ended or is gone",
    ),
    "a deleted run in the queue": Damage(
        lambda lab: queue(lab, lambda rows: rows.add("abcde")), "queue", "run abcde is in it and has ended or is gone"
    ),
    "claimed by a worker that is gone": Damage(
        claimed_by_the_dead, "run {waiting}", "its worker ended before it began with it"
    ),
    "a queue of an earlier lrlab": Damage(
        lambda lab: edit_queue(lab, "ALTER TABLE jobs DROP COLUMN device; PRAGMA user_version = 1"),
        "queue",
        "an earlier lrlab wrote it",
    ),
    "a queue that is none": Damage(
        lambda lab: lab.home.queue.write_bytes(b"no database" * 999), "queue", "its file is damaged (file is not a data"
    ),
    "a cache of nobody's": Damage(
        lambda lab: np.save(lab.home.cache / f"{'0' * 32}-36-v1.npy", np.zeros(3)), "cache", "0000"
    ),
    "a cache too short": Damage(
        lambda lab: (lab.home.cache / f"{lab.dataset.content}-36-v{CONVERSION}.npy").write_bytes(b"\x93NUMPY"),
        "cache",
        f"{{content}}-36-v{CONVERSION}.npy is damaged",
    ),
    "a damaged answer": Damage(
        lambda lab: aged(lab.home.answers / "abc.json", b"{"), "cache", "the kept answer abc.json is damaged"
    ),
    "an upload without its list": Damage(
        lambda lab: aged(lab.home.uploads / "abcde", None), "uploads", "the upload abcde has no list of its files"
    ),
    "an import that cannot be read": Damage(
        lambda lab: (lab.home.imports / "abcde.json").write_bytes(b"{"), "imports", "how the import abcde stands cannot"
    ),
    "an import that nobody saw end": Damage(
        lambda lab: (lab.home.imports / "abcde.json").write_text(
            ImportStatus(id="abcde", dataset="coffee").model_dump_json()
        ),
        "imports",
        "the import abcde ended, and nobody wrote it down",
    ),
    "files of an old import": Damage(
        lambda lab: aged(lab.home.imports / "abcde.log"), "imports", "files of the import abcde, which is no more"
    ),
    "a deletion killed": Damage(
        lambda lab: aged(lab.home.datasets / ".deleted-abcde", None), "data sets", ".deleted-abcde, left by an import"
    ),
    "a start killed": Damage(lambda lab: aged(lab.home.runs / ".new-abcde", None), "runs", ".new-abcde, left by"),
    "a restore killed": Damage(
        lambda lab: (lab.home.root / ".restoring-abcde").mkdir(), "lab", ".restoring-abcde, left by a restore"
    ),
    "a reserve": Damage(
        lambda lab: (lab.done.folder / ".reserve").write_bytes(b"x"), "run {done}", "the room that its worker kept for"
    ),
    "half a file": Damage(
        lambda lab: aged(lab.done.folder / ".best.safetensors.abcdef"), "lab", "runs/{done}/.best.safetensors.abcdef"
    ),
}

LEFT = {
    "settings that are none": Damage(
        lambda lab: lab.home.settings.write_text("[jobs]\nat_a_time = 0"),
        "lab",
        "lab.toml: jobs.at_a_time: got 0, allowed: at least 1",
    ),
    "an image gone": Damage(
        lambda lab: first_image(lab.dataset).unlink(), "data set lights", "images that cannot be read: 'dark/1.png'"
    ),
    "an image cut": Damage(
        lambda lab: os.truncate(first_image(lab.dataset), 10),
        "data set lights",
        "images that are not what was imported: 'dark/1.png'",
    ),
    "all images gone": Damage(
        lambda lab: shutil.rmtree(lab.dataset.root), "data set lights", "the folder of its images, {home}/datasets"
    ),
    "no table": Damage(
        lambda lab: (lab.dataset.folder / IMAGES).unlink(), "data set lights", "images.parquet is gone"
    ),
    "another's table": Damage(
        lambda lab: pd.read_parquet(lab.dataset.folder / IMAGES)[1:].to_parquet(lab.dataset.folder / IMAGES),
        "data set lights",
        "images.parquet is not the table that was made with dataset.json",
    ),
    "no record": Damage(
        lambda lab: (lab.dataset.folder / "dataset.json").unlink(),
        "data set {dataset}",
        "its folder holds no dataset.json",
    ),
    "a later record": Damage(
        lambda lab: write_json(lab.dataset.folder / "dataset.json", {"format": 2}),
        "data set {dataset}",
        "the data set in {home}/datasets/{dataset} was written by a later lrlab (format 2; this one knows 1)",
    ),
    "no run.json": Damage(
        lambda lab: (lab.done.folder / "run.json").unlink(), "run {done}", "its run.json is gone"
    ),
    "a later run.json": Damage(
        lambda lab: write_json(lab.done.folder / "run.json", {"format": 2}),
        "run {done}",
        "run {done} was written by a later lrlab (format 2; this one knows 1); update lrlab",
    ),
    "a copied folder": Damage(
        lambda lab: shutil.copytree(lab.done.folder, lab.home.runs / "abcde"),
        "run abcde",
        "its run.json is that of run '{done}'",
    ),
    "a log without its head": Damage(
        lambda lab: edit_log(lab, 0, "0,0,1.0,0.1,0.5"), "run {done}", "steps-1.csv does not begin with the names"
    ),
    "a best model that nothing replaces": Damage(
        lambda lab: (weights(lab.done.best_model, 2), shutil.rmtree(lab.done.folder / "checkpoints"),
                     os.truncate(lab.done.best_model, 30)),
        "run {done}",
        "best.safetensors is damaged",
    ),
}  # fmt: skip


def names_of(lab: Lab, text: str) -> str:
    return text.format(
        done=lab.done.id, waiting=lab.waiting[0].id, dataset=lab.dataset.id, home=lab.home.root,
        content=lab.dataset.content,
    )  # fmt: skip


@pytest.mark.parametrize("damage", REPAIRED.values(), ids=REPAIRED)
def test_what_can_be_repaired_is(lab: Lab, damage: Damage) -> None:
    damage.do(lab)
    place, said = names_of(lab, damage.place), names_of(lab, damage.said)
    lab.home.supervisor_lock.touch()
    before = tree(lab.home.root)
    looked = [one for one in examine(lab.home, repair=False) if one.finding.wrong.startswith(said)]
    assert [(one.state, one.finding.place) for one in looked] == [("repairable", place)]
    assert tree(lab.home.root) == before
    done = list(examine(lab.home))
    assert ("repaired", place) in [(one.state, one.finding.place) for one in done if one.finding.wrong.startswith(said)]
    assert {one.state for one in done} == {"repaired"}
    assert told(list(examine(lab.home, thorough=True))) == [], "it is well now"


@pytest.mark.parametrize("damage", LEFT.values(), ids=LEFT)
def test_what_cannot_is_told_and_left(lab: Lab, damage: Damage) -> None:
    damage.do(lab)
    place, said = names_of(lab, damage.place), names_of(lab, damage.said)
    before = tree(lab.home.root)
    found = [one for one in examine(lab.home) if one.state == "open"]
    assert [one.finding.place for one in found] == [place]
    assert found[0].finding.wrong.startswith(said), found[0].finding.wrong
    assert before.items() <= tree(lab.home.root).items()


def test_the_worker_that_nobody_saw_end(gone: Lab) -> None:
    found = list(examine(gone.home))
    assert told(found) == [
        ("repaired", f"run {gone.working.run.id}", "the worker of this run ended, and nobody wrote it down")
    ]
    assert gone.working.run.record.state == "lost"
    assert told(list(examine(gone.home))) == []


def test_a_run_of_a_machine_that_nobody_can_see_is_named(gone: Lab) -> None:
    run = gone.working.run
    (attempt,) = run.record.attempts
    update(run, attempts=(attempt.model_copy(update={"host": "container-1", "started": time.time() - 600}),))
    heartbeat_file(run.folder).unlink(missing_ok=True)
    (found,) = examine(gone.home)
    assert (found.state, found.finding.place) == ("open", f"run {run.id}")
    assert found.finding.wrong == "it was begun on 'container-1' and has been silent for 10 min"
    stop(gone.home, run.id, force=True)
    assert told(list(examine(gone.home))) == []


def test_rows_that_are_left_out_are_kept_aside(lab: Lab) -> None:
    path = lab.done.folder / "steps-1.csv"
    whole = lab.done.steps
    edit_log(lab, 5, "4,1,spoilt,0.1,0.5")
    spoilt = path.read_bytes()
    with pytest.raises(LabError, match=r"steps-1\.csv of run .* is damaged"):
        _ = lab.done.steps
    for _ in examine(lab.home):
        pass
    assert lab.done.steps.equals(whole.drop(4).reset_index(drop=True))
    assert (lab.done.folder / "set-aside" / "steps-1.csv").read_bytes() == spoilt


def test_the_best_model_is_that_of_its_epoch(lab: Lab) -> None:
    best = lab.done.best_model.read_bytes()
    spoil_best(lab)
    checkpoint(lab.done, 1, 10, epoch=0)
    for _ in examine(lab.home):
        pass
    assert lab.done.best_model.read_bytes() == best


def test_a_damaged_queue_is_built_from_the_runs(lab: Lab) -> None:
    lab.home.queue.write_bytes(b"no database" * 999)
    with pytest.raises(LabError, match=r"the queue is damaged .*: python -m lrlab doctor"):
        Queue(lab.home)
    for _ in examine(lab.home):
        pass
    with Queue(lab.home) as queue:
        created = sorted(lab.waiting, key=lambda run: run.record.created)
        assert queue.order() == [run.id for run in created]
        assert [job.run_id for job in queue.claimed()] == [lab.working.run.id], "it keeps its worker"
    assert (lab.home.root / "queue.damaged-1.sqlite").read_bytes().startswith(b"no database")


def test_a_damaged_page_of_the_queue_is_seen(lab: Lab) -> None:
    with Queue(lab.home) as queue:
        for number in range(2000):
            queue.add(f"run{number}")
    with sqlite3.connect(lab.home.queue) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with lab.home.queue.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096)
    assert "its file is damaged" in next(one.finding.wrong for one in examine(lab.home, repair=False))


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


def test_a_repair_that_does_not_succeed_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    add(lab.done.folder / "steps-1.csv", b"12,3,170")

    def refuse(path: Path, size: int) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "truncate", refuse)
    (found,) = examine(lab.home)
    assert found.state == "open"
    assert found.why.startswith("[Errno 13] Permission denied")


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
