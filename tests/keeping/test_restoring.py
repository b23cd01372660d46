"""A lab out of a backup: the same bytes, nobody's workers, and never a part of one."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock
from pandas.testing import assert_frame_equal

from lrlab import jobs
from lrlab.datasets import add_dataset, list_datasets, load_dataset
from lrlab.errors import LabError
from lrlab.files import read_json, write_json
from lrlab.home import Home, lab_home
from lrlab.jobs import Queue
from lrlab.keeping import back_up, examine, restore
from lrlab.keeping.packing import packed
from lrlab.runs import list_runs, load_run, resume_step

from .conftest import Lab, tree


@pytest.fixture
def backup(lab: Lab, tmp_path: Path) -> Path:
    return back_up(lab.home, tmp_path / "lab.zip").path


@pytest.fixture
def other(tmp_path: Path) -> Home:
    """A home that nobody made yet."""
    return Home(tmp_path / "elsewhere" / "lab")


def test_it_is_the_same_to_the_byte(lab: Lab, backup: Path, other: Home) -> None:
    done = restore(backup, other)
    assert (done.datasets, done.runs, done.interrupted) == (1, 4, (lab.working.run.id,))
    assert done.made is not None and done.made <= backup.stat().st_mtime
    # What its worker wrote stays; that nobody works on it here is written into run.json.
    was, now = (tree(home.root) for home in (lab.home, other))
    changed = {f"runs/{lab.working.run.id}/run.json", "queue.sqlite", "supervisor.lock"}
    assert {name: was[name] for name in was.keys() - changed} == {name: now[name] for name in now.keys() - changed}
    assert load_dataset(other, "lights").images["sha256"].tolist() == lab.dataset.images["sha256"].tolist()
    assert other.settings.read_text() == lab.home.settings.read_text()
    assert not [path for path in other.root.iterdir() if path.name.startswith(".resto")]
    assert list(examine(other, thorough=True)) == []


def test_the_run_that_was_at_work_can_be_looked_at_and_resumed(lab: Lab, backup: Path, other: Home) -> None:
    restore(backup, other)
    run = load_run(lab.working.run.id, other)
    record = run.record
    assert (record.state, run.state) == ("lost", "lost")
    assert record.cause == "the backup that this lab was restored from was made while it ran"
    assert record.advice == "Try it again: it goes on from its newest checkpoint."
    assert_frame_equal(run.steps, lab.working.run.steps)
    assert resume_step(run) == 4
    jobs.resume(other, run.id)
    with Queue(other) as queue:
        assert queue.order() == [*(one.id for one in lab.waiting), run.id]
    # The lab that was backed up still has its worker, of which the other one knows nothing.
    assert lab.working.run.state == "running"
    lab.working.train()


def test_what_waits_waits_in_its_order(lab: Lab, backup: Path, other: Home) -> None:
    restore(backup, other)
    with Queue(other) as queue:
        assert queue.order() == [run.id for run in lab.waiting]
        assert queue.claimed() == []


def test_a_waiting_run_that_the_order_does_not_name_waits_too(lab: Lab, tmp_path: Path, other: Home) -> None:
    with Queue(lab.home) as queue:
        queue.withdraw(lab.waiting[0].id)
    restore(back_up(lab.home, tmp_path / "b.zip").path, other)
    with Queue(other) as queue:
        assert queue.order() == [lab.waiting[1].id, lab.waiting[0].id]


def test_an_lrlab_that_was_started_there_and_never_used_is_no_hindrance(backup: Path, other: Home) -> None:
    other.ensure()
    with Queue(other):
        pass
    other.supervisor_log.write_text("begins\n")
    restore(backup, other)
    assert len(list_runs(other)) == 4


@pytest.mark.parametrize("what", ["runs", "datasets", "lab.toml"])
def test_a_lab_is_never_overwritten(backup: Path, other: Home, what: str) -> None:
    other.ensure()
    (other.settings if what == "lab.toml" else other.root / what / "mine").write_text("")
    other.supervisor_lock.touch()
    before = tree(other.root)
    with pytest.raises(LabError, match=rf"there is a lab in .* already \(its {what}\)") as raised:
        restore(backup, other)
    assert raised.value.field == "home"
    assert tree(other.root) == before


def test_not_where_a_lab_is_at_work(backup: Path, other: Home) -> None:
    other.ensure()
    with FileLock(other.supervisor_lock), pytest.raises(LabError, match="a lab is at work in"):
        restore(backup, other)


def test_not_of_a_later_lrlab(tmp_path: Path, other: Home) -> None:
    with packed(tmp_path / "b.zip") as packer:
        packer.add("lab.toml", io.BytesIO(b""))
        packer.finish({"home": 2, "lrlab": "9.9", "made": 1.0})
    with pytest.raises(LabError, match=r"holds a lab of a later lrlab \(format 2; this one knows 1\); update lrlab"):
        restore(tmp_path / "b.zip", other)
    assert list(other.root.glob("[!s.]*")) == []


def test_not_where_there_is_no_room(backup: Path, other: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024))
    with pytest.raises(LabError, match=r"lab\.zip needs .* GB where .* GB are free"):
        restore(backup, other)


class Killed(BaseException):
    """Ends a restore as a signal does."""


class Mortal:
    """Lets a process make `steps` renames before it is killed; the dead move nothing and tidy nothing up."""

    def __init__(self, patch: pytest.MonkeyPatch, steps: int) -> None:
        self._left = steps
        patch.setattr(Path, "rename", self._until_killed(Path.rename))
        patch.setattr(Path, "replace", self._until_killed(Path.replace))
        patch.setattr(shutil, "rmtree", self._while_alive(shutil.rmtree))

    def _until_killed(self, move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moving(path: Path, target: Path) -> Path:
            self._left -= 1
            if self._left < 0:
                raise Killed
            return move(path, target)

        return moving

    def _while_alive(self, remove: Callable[..., None]) -> Callable[..., None]:
        return lambda folder, **how: None if self._left < 0 else remove(folder, **how)


def test_broken_off_at_any_step_it_is_whole_or_absent(
    lab: Lab, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for steps in range(100):
        other = Home(tmp_path / f"lab{steps}")
        with monkeypatch.context() as patch:
            Mortal(patch, steps)
            try:
                restore(backup, other)
            except Killed:
                pass
            else:
                break
        if other.fault():
            with pytest.raises(LabError, match="is being restored; if that was broken off, finish it"):
                other.ensure()
            before = "no lrlab opens it"
        else:
            assert not list_runs(other.ensure(), None) and not list_datasets(other)
            before = "there is no lab"
        done = restore(backup, other)  # the same command once more
        assert (done.datasets, done.runs) == (1, 4)
        seen.append((before, "finished" if done.made is None else "made anew"))
        assert not [path for path in other.root.iterdir() if path.name.startswith(".resto")]
    # run.json of the run at work, the order, the mark; the folder's name; lab.toml, a data set, four runs, the mark.
    absent, kept = ("there is no lab", "made anew"), ("no lrlab opens it", "finished")
    assert seen == [*3 * [absent], ("no lrlab opens it", "made anew"), *7 * [kept]]


def test_the_doctor_finishes_it_too(lab: Lab, backup: Path, other: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lrlab.keeping.restoring._publish", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            restore(backup, other)
    looked = list(examine(other, repair=False))
    assert [(one.state, one.finding.wrong) for one in looked] == [("repairable", "a restore into it was broken off")]
    assert next(one.state for one in examine(other)) == "repaired"
    assert len(list_runs(other)) == 4
    assert list(examine(other)) == []


def forged(path: Path, backup: Path, change: Callable[[dict[str, bytes]], Any]) -> Path:
    """The backup, its files changed, packed anew with right checksums."""
    from lrlab.keeping.unpacking import opened

    with opened(backup, path.parent) as unpacker:
        unpacker.unpack(path.parent / "forging")
    root = path.parent / "forging"
    files = {one.relative_to(root).as_posix(): one.read_bytes() for one in root.rglob("*") if one.is_file()}
    change(files)
    with packed(path) as packer:
        for name in sorted(files):
            packer.add(name, io.BytesIO(files[name]))
        packer.finish({"home": 1, "lrlab": "", "made": 1.0})
    shutil.rmtree(root)
    return path


@pytest.mark.parametrize("file", ["../../../secret.png", "/etc/passwd", "a/../../b.png", "000001.png/x", "", None])
def test_a_data_set_that_names_files_outside_is_refused(
    lab: Lab, backup: Path, other: Home, tmp_path: Path, file: str | None
) -> None:
    def change(files: dict[str, bytes]) -> None:
        name = f"datasets/{lab.dataset.id}/images.parquet"
        table = pd.read_parquet(io.BytesIO(files[name]))
        table.loc[1, "file"] = file
        files[name] = table.to_parquet()

    path = forged(tmp_path / "forged.zip", backup, change)
    with pytest.raises(LabError, match="which is no file of its own"):
        restore(path, other)
    assert not tree(other.root).keys() & {"home.json", "lab.toml"}


@pytest.mark.parametrize("originals", ["..", "../../runs", "images/..", "elsewhere"])
def test_a_data_set_whose_folder_lies_outside_is_refused(
    lab: Lab, backup: Path, other: Home, tmp_path: Path, originals: str
) -> None:
    def change(files: dict[str, bytes]) -> None:
        name = f"datasets/{lab.dataset.id}/dataset.json"
        files[name] = json.dumps({**json.loads(files[name]), "originals": originals}).encode()

    with pytest.raises(LabError, match="is refused: the data set 'lights' names"):
        restore(forged(tmp_path / "forged.zip", backup, change), other)


def test_images_in_a_folder_of_the_server_are_found_again(
    lab: Lab,
    tmp_path: Path,
    other: Home,
    make_tree: Callable[..., Path],
    contents: Callable[[str], dict[str, bytes]],
) -> None:
    folder = make_tree(contents("A/1.png A/2.png B/3.png B/4.png"))
    add_dataset(lab.home, folder, "in place")
    restore(back_up(lab.home, tmp_path / "b.zip").path, other)
    assert load_dataset(other, "in place").root == folder
    assert list(examine(other, thorough=True)) == []


@pytest.mark.parametrize("order", ["no json", "{}", '[1, null, ["a"], "unknown"]'])
def test_an_order_that_makes_no_sense_is_no_order(
    lab: Lab, backup: Path, other: Home, tmp_path: Path, order: str
) -> None:
    restore(forged(tmp_path / "b.zip", backup, lambda files: files.update({"queue.json": order.encode()})), other)
    with Queue(other) as queue:
        assert sorted(queue.order()) == sorted(run.id for run in lab.waiting)


def test_the_mark_says_what_may_open_a_lab(home: Home) -> None:
    assert read_json(home.mark_file) == {"format": 1}
    write_json(home.mark_file, {"format": 2})
    with pytest.raises(LabError, match=r"was written by a later lrlab \(format 2; this one knows 1\); update lrlab"):
        lab_home()
    with pytest.raises(LabError, match=r"home: the lab in .* was written by a later lrlab"):
        restore(Path("any.zip"), home)
