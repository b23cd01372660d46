"""The doctor's finds, one row a damage: what is said, what becomes of it, and that the lab is well afterwards."""

from __future__ import annotations

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

from lrlab.datasets.dataset import IMAGES
from lrlab.datasets.images import CONVERSION
from lrlab.files import write_json
from lrlab.jobs import ImportStatus, Queue
from lrlab.keeping import examine
from lrlab.process import identity

from .conftest import Lab, checkpoint, tree, weights
from .damaging import add, edit_log, first_image, queue, spoil_best, told

OLD = time.time() - 2 * 3600


def test_a_lab_at_work_is_well(lab: Lab) -> None:
    assert told(list(examine(lab.home, thorough=True))) == []


@dataclass(frozen=True)
class Damage:
    """`do` damages the lab, `said` begins what the doctor says of it; `{...}` are the ids of the lab's things."""

    do: Callable[[Lab], object]
    place: str
    said: str


def aged(path: Path, content: bytes | None = b"x") -> Path:
    """A file, or a folder where `content` is None, that nobody has touched for two hours."""
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    os.utime(path, (OLD, OLD))
    return path


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
