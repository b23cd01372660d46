"""What a backup holds of a lab at work, what it leaves out, and when none is made."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from lrlab.datasets import add_dataset, delete_dataset
from lrlab.errors import LabError
from lrlab.keeping import back_up
from lrlab.keeping.snapshots import frozen_run
from lrlab.runs import delete_run, update

from .conftest import Lab, checkpoint


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def content(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def test_all_that_cannot_be_made_again_is_in_it(lab: Lab, tmp_path: Path) -> None:
    done = back_up(lab.home, tmp_path / "b.zip")
    assert (done.datasets, done.runs, done.remarks) == (1, 4, ())
    found = names(done.path)
    of_done = [name.split("/", 2)[2] for name in found if name.startswith(f"runs/{lab.done.id}/")]
    assert of_done == [
        "best.safetensors", "checkpoints/1-12.pt", "checkpoints/1-12.safetensors", "epochs-1.csv", "last.safetensors",
        "run.json", "steps-1.csv",
    ]  # fmt: skip
    of_dataset = [name.split("/", 2)[2] for name in found if name.startswith("datasets/")]
    originals = [f"images/{number:06d}.png" for number in range(6)]
    assert of_dataset == ["dataset.json", "images.parquet", *originals, "refused.parquet"]
    assert {"lab.toml", "queue.json", "manifest.jsonl"} < set(found)
    assert len(found) == done.files + 1
    assert content(done.path, "queue.json").decode() == str([run.id for run in lab.waiting]).replace("'", '"')


def test_a_checkpoint_that_is_being_saved_is_left_out(lab: Lab, tmp_path: Path) -> None:
    checkpoint(lab.working.run, 1, 6).unlink()  # its best model is there first
    inside = f"runs/{lab.working.run.id}/checkpoints"
    found = [name for name in names(back_up(lab.home, tmp_path / "b.zip").path) if name.startswith(inside)]
    assert found == [f"{inside}/1-4.pt", f"{inside}/1-4.safetensors"]


def test_what_is_made_again_or_under_way_is_left_out(lab: Lab, tmp_path: Path) -> None:
    for path in ("cache/x.npy", "uploads/abcde/000000", "imports/abcde.json", "supervisor.log", "disk.json"):
        (lab.home.root / path).parent.mkdir(exist_ok=True)
        (lab.home.root / path).write_bytes(b"x")
    for name in ("steps.parquet", "epochs.parquet", ".reserve", ".run.json.12.abcdef", "checkpoints/.1-5.pt.abcdef"):
        (lab.done.folder / name).write_bytes(b"x")
    (lab.home.runs / ".new-abcde").mkdir()
    (lab.done.folder / "link").symlink_to("/etc/passwd")
    before = names(back_up(lab.home, tmp_path / "b.zip").path)
    assert {name.split("/")[0] for name in before} == {"datasets", "runs", "lab.toml", "queue.json", "manifest.jsonl"}
    assert not [name for name in before if "/." in name or (name.startswith("runs") and name.endswith("parquet"))]
    assert f"runs/{lab.done.id}/link" not in before


def test_a_log_counts_up_to_its_last_newline(lab: Lab, tmp_path: Path) -> None:
    steps = lab.working.run.folder / "steps-1.csv"
    whole = steps.read_bytes()
    with steps.open("ab") as file:
        file.write(b"6,1,1700000000.0,0.0")
    path = back_up(lab.home, tmp_path / "b.zip").path
    assert content(path, f"runs/{lab.working.run.id}/steps-1.csv") == whole


def test_a_log_that_run_json_does_not_name_is_left_out(lab: Lab, tmp_path: Path) -> None:
    (lab.done.folder / "steps-2.csv").write_bytes(b"step\n")
    assert f"runs/{lab.done.id}/steps-2.csv" not in names(back_up(lab.home, tmp_path / "b.zip").path)


def test_files_replaced_while_they_are_packed_stay_what_they_were(lab: Lab) -> None:
    run = lab.working.run
    old = checkpoint(run, 1, 6)
    was = old.read_bytes()
    with frozen_run(run) as look:
        lab.working.train(2)
        old.unlink()
        checkpoint(run, 1, 8)
        found = {}
        for piece in look.pieces:
            with piece.opened() as file:
                found[piece.path.name] = file.read() if piece.size is None else file.read(piece.size)
    assert found["1-6.pt"] == was
    assert "1-8.pt" not in found
    assert found["steps-1.csv"].count(b"\n") == 7, "its header and the six updates that had been made"


def test_a_run_that_changes_during_the_look_is_looked_at_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from lrlab.keeping import snapshots

    looks, pieces = [], snapshots._pieces

    def changing(*arguments: object) -> object:
        looks.append(1)
        if len(looks) < 4:
            update(lab.done, notes=f"changed {len(looks)} times")
        return pieces(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "_pieces", changing)
    with frozen_run(lab.done) as look:
        record = next(piece for piece in look.pieces if piece.path.name == "run.json")
        with record.opened() as file:
            assert b"changed 3 times" in file.read()
    assert len(looks) == 4


@pytest.mark.parametrize("what", ["run", "data set"])
def test_what_is_deleted_while_it_is_packed_is_left_out_whole(lab: Lab, tmp_path: Path, what: str) -> None:
    folder = lab.done.folder if what == "run" else lab.dataset.folder
    inside = f"{folder.parent.name}/{folder.name}/"
    (folder / ("checkpoints" if what == "run" else "images") / "000.bin").write_bytes(b"x" * 3_000_000)

    def during(_: str, done: int, total: int) -> None:
        if folder.exists() and done:
            delete_run(lab.done) if what == "run" else delete_dataset(lab.home, lab.dataset.id)

    done = back_up(lab.home, tmp_path / "b.zip", during)
    assert (done.datasets, done.runs) == ((1, 3) if what == "run" else (0, 4))
    assert not [name for name in names(done.path) if name.startswith(inside)]


def test_images_in_a_folder_of_the_server_stay_there(
    lab: Lab, tmp_path: Path, make_tree: Callable[..., Path], contents: Callable[[str], dict[str, bytes]]
) -> None:
    folder = make_tree(contents("A/1.png A/2.png B/3.png B/4.png"))
    add_dataset(lab.home, folder, "in place")
    done = back_up(lab.home, tmp_path / "b.zip")
    assert done.remarks == (
        f"The images of in place lie in {folder} and are not in the backup; it holds the list of them with their "
        "checksums.",
    )


def test_what_a_person_put_into_a_runs_folder_is_told(lab: Lab, tmp_path: Path) -> None:
    (lab.done.folder / "My notes.txt").write_text("x")
    shutil.rmtree(lab.home.runs / lab.waiting[1].id)
    (lab.home.runs / lab.waiting[1].id).mkdir()
    done = back_up(lab.home, tmp_path / "b.zip")
    assert done.remarks == (
        f"The folder of run {lab.waiting[1].id} holds no run.json and is not in the backup.",
        f"Left out, since no lab names its files so: 'runs/{lab.done.id}/My notes.txt' (1 in all).",
    )


def test_a_run_that_cannot_be_read_is_packed_as_it_is(lab: Lab, tmp_path: Path) -> None:
    (lab.done.folder / "run.json").write_bytes(b'{"format": 9}')
    path = back_up(lab.home, tmp_path / "b.zip").path
    assert content(path, f"runs/{lab.done.id}/run.json") == b'{"format": 9}'
    assert f"runs/{lab.done.id}/steps-1.csv" in names(path)


def test_nothing_is_overwritten(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(b"mine")
    with pytest.raises(LabError, match=r"b\.zip is there already; choose another name") as raised:
        back_up(lab.home, tmp_path / "b.zip")
    assert raised.value.field == "file"
    with pytest.raises(LabError, match="there is no folder"):
        back_up(lab.home, tmp_path / "nowhere" / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == b"mine"


def test_a_full_disk_leaves_nothing(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024))
    with pytest.raises(LabError, match=r"the backup needs .* where 1 kB are free"):
        back_up(lab.home, tmp_path / "b.zip")
    monkeypatch.undo()

    def full(self: object, mode: str = "r", *rest: object, **settings: object) -> object:
        file = opening(self, mode, *rest, **settings)  # type: ignore[arg-type]
        if mode == "xb":
            file.close()
            return Path("/dev/full").open("wb", buffering=0)
        return file

    opening = Path.open
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(LabError, match="the backup was not made: No space left on device"):
        back_up(lab.home, tmp_path / "b.zip")
    assert sorted(tmp_path.iterdir()) == before
