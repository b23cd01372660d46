"""A backup's bytes: a zip to Python's own reader, what was taken back is gone, nothing is left of one that failed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from lrlab.errors import LabError
from lrlab.keeping.names import is_path
from lrlab.keeping.packing import packed
from lrlab.keeping.unpacking import opened

FACTS = {"home": 1, "lrlab": "0.1.0", "made": 1_700_000_000.5}
FILES = {
    "datasets/abcde/dataset.json": b"{}",
    "datasets/abcde/images/000000.png": bytes(range(256)) * 9000,
    "lab.toml": b"",
    "runs/fghij/steps-1.csv": b"step,epoch\n0,0\n",
}


def pack(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with packed(path) as packer:
        for name, content in files.items():
            packer.add(name, io.BytesIO(content))
        packer.finish(FACTS)
    return path


def test_any_program_reads_it_as_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(pack(tmp_path / "b.zip")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*FILES, "manifest.jsonl"]
        assert {name: archive.read(name) for name in FILES} == FILES
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    told: list[int] = []
    with opened(pack(tmp_path / "b.zip"), tmp_path) as backup:
        assert (backup.facts.files, backup.facts.bytes) == (4, sum(map(len, FILES.values())))
        assert (backup.facts.made, backup.facts.home) == (FACTS["made"], 1)
        backup.unpack(tmp_path / "out", told.append)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert sum(told) == backup.facts.bytes


def test_a_part_of_a_file_is_packed_as_asked(tmp_path: Path) -> None:
    with packed(tmp_path / "b.zip") as packer:
        packer.add("runs/fghij/worker.log", io.BytesIO(b"one\ntwo\nthr"), 8)
        with pytest.raises(EOFError, match="5 bytes are gone"):
            packer.add("runs/fghij/worker2.log", io.BytesIO(b"one"), 8)
        packer.rewind(packer.mark())
        packer.finish(FACTS)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert archive.read("runs/fghij/worker.log") == b"one\ntwo\n"


def test_what_was_taken_back_is_gone(tmp_path: Path) -> None:
    with packed(tmp_path / "b.zip") as packer:
        packer.add("datasets/abcde/dataset.json", io.BytesIO(b"kept"))
        mark = packer.mark()
        packer.add("runs/aaaaa/run.json", io.BytesIO(b"taken back"))
        packer.add("runs/aaaaa/steps-1.csv", io.BytesIO(b"x" * 3_000_000))
        packer.rewind(mark)
        packer.add("runs/bbbbb/run.json", io.BytesIO(b"after it"))
        assert (packer.files, packer.bytes) == (2, 12)
        packer.finish(FACTS)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["datasets/abcde/dataset.json", "runs/bbbbb/run.json", "manifest.jsonl"]
    with opened(tmp_path / "b.zip", tmp_path) as backup:
        backup.unpack(tmp_path / "out")
    assert (tmp_path / "b.zip").stat().st_size < 2000


def test_nothing_is_left_of_one_that_failed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), packed(tmp_path / "b.zip") as packer:
        packer.add("lab.toml", io.BytesIO(b"[jobs]"))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), packed(tmp_path / "b.zip") as packer:
        (tmp_path / "b.zip").write_bytes(b"mine")
        packer.finish(FACTS)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b.zip": b"mine"}


@pytest.mark.parametrize(("first", "then"), [("runs/abcde/b", "runs/abcde/a"), ("lab.toml", "lab.toml")])
def test_names_come_in_their_order(tmp_path: Path, first: str, then: str) -> None:
    with pytest.raises(ValueError, match="in the order of their names"), packed(tmp_path / "b.zip") as packer:
        packer.add(first, io.BytesIO(b""))
        packer.add(then, io.BytesIO(b""))


@pytest.mark.parametrize(
    "name",
    [
        "lab.toml", "queue.json", "datasets/abcdefghij/dataset.json", "datasets/abcdefghij/images/000001.jpeg",
        "runs/abcdefghij/run.json", "runs/abcdefghij/steps-12.csv", "runs/abcdefghij/checkpoints/2-400.safetensors",
        "runs/abcdefghij/lr/00000000001.json", "runs/abcdefghij/stop",
    ],
)  # fmt: skip
def test_a_labs_own_names_are_known(name: str) -> None:
    assert is_path(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "/", ".", "..", "lab.toml/", "./lab.toml", "queue.sqlite", "supervisor.lock", "home.json", "runs",
        "runs/abcde", "runs/abcde/", "runs//run.json", "/runs/abcde/run.json", "runs/../lab.toml", "runs/abcde/..",
        "runs/abcde/../x", "runs/abcde/.lock", "runs/abcde/.", "runs/abc1e/run.json", "runs/ABCDE/run.json",
        "runs/abcde/Run.json", "runs/abcde/a/b/c", "cache/abcde/x.npy", "uploads/abcde/000000", "runs\\abcde\\x",
        "C:/x", "runs/abcde/nul", "runs/abcde/con.txt", "runs/abcde/com1.csv", "runs/abcde/x.", "runs/abcde/x ",
        "runs/abcde/a\0b", "runs/abcde/a\nb", "runs/abcde/ａ", "runs/abcde/é", "runs/abcde/" + "a" * 101,
        "runs/" + "a" * 33 + "/run.json", "manifest.jsonl", "runs/abcde/a:b", "runs/abcde/-x",
    ],
)  # fmt: skip
def test_no_other_name_is(tmp_path: Path, name: str) -> None:
    assert not is_path(name)
    with pytest.raises(LabError, match="is none that a lab gives"), packed(tmp_path / "b.zip") as packer:
        packer.add(name, io.BytesIO(b""))
