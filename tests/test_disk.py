"""What the lab takes of the disk: the sum that the operating system has, known at once, never waited for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab import disk
from lrlab.disk import DiskUse, amount, check_room, disk_use, fresh_use, is_measuring, measure, measure_soon
from lrlab.errors import LabError
from lrlab.home import Home

FILES = {
    "datasets/abc/images/000001.png": 5000,
    "datasets/.partial-x/images/1.png": 100,
    "runs/r1/steps-1.csv": 12_000,
    "runs/r1/checkpoints/1-8.pt": 300_000,
    "runs/r1/checkpoints/1-16.pt": 200_000,
    "runs/r2/run.json": 10,
    "cache/c-72-v1.npy": 1_000_000,
    "cache/answers/a.json": 20,
    "uploads/u/000000": 7000,
}


@pytest.fixture
def filled(home: Home) -> Home:
    for name, size in FILES.items():
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return home


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.01)


def du(path: Path) -> int:
    """Bytes as the system's own tool adds them up."""
    if sys.platform == "win32":
        pytest.skip("there is no du")
    told = subprocess.run(["du", "-s", "--block-size=1", str(path)], capture_output=True, text=True, check=True)
    return int(told.stdout.split()[0])


def test_the_sizes_are_what_du_says(filled: Home) -> None:
    use = measure(filled)
    for name in ("datasets", "cache", "runs", "uploads"):
        parts: dict[str, int] = getattr(use, name)
        assert parts == {entry.name: du(entry) for entry in (filled.root / name).iterdir()}
    files = [filled.runs / "r1/checkpoints" / name for name in ("1-8.pt", "1-16.pt")]
    assert use.checkpoints == {"r1": sum(map(du, files))}
    assert use.total == sum(sum(getattr(use, name).values()) for name in ("datasets", "cache", "runs", "uploads"))


def test_a_link_counts_as_a_link(home: Home, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(10_000_000))
    (home.datasets / "abc").mkdir()
    (home.datasets / "abc" / "images").symlink_to(tmp_path)
    assert measure(home).total < 100_000


@pytest.mark.skipif(not hasattr(os.stat_result, "st_blocks"), reason="the system does not tell blocks")
def test_a_model_of_three_names_counts_once_and_with_the_checkpoints_where_it_is_theirs_alone(home: Home) -> None:
    run, kept = home.runs / "r1", home.runs / "r1" / "checkpoints"
    kept.mkdir(parents=True)
    (kept / "1-8.pt").write_bytes(os.urandom(200_000))
    (run / "best.safetensors").write_bytes(os.urandom(1_000_000))
    for name in ("1-8.safetensors", "1-16.safetensors"):
        os.link(run / "best.safetensors", kept / name)
    shared = measure(home)
    assert (shared.total, shared.runs) == (du(run), {"r1": du(run)})
    assert shared.checkpoints == {"r1": du(kept / "1-8.pt")}
    (run / "best.safetensors").unlink()  # a better one takes its place: the old one is the checkpoints' own
    assert measure(home).checkpoints == {"r1": du(kept / "1-8.pt") + du(kept / "1-8.safetensors")}


def test_a_folder_that_may_not_be_read_is_left_out(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before, closed, real = measure(filled), filled.datasets / "lost+found", os.scandir
    (closed / "inside").mkdir(parents=True)

    def scandir(folder: Path) -> object:
        if folder == closed:  # chmod closes nothing to root, who may run this
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(disk.os, "scandir", scandir)
    now = measure(filled)
    assert now.datasets == {**before.datasets, "lost+found": closed.lstat().st_blocks * 512}
    assert (now.runs, now.cache, now.uploads) == (before.runs, before.cache, before.uploads)


def test_a_look_waits_for_nothing_and_brings_the_figure(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go, real = threading.Event(), disk._content

    def slow(folder: Path, **options: bool) -> int:
        assert may_go.wait(30)
        return real(folder, **options)

    monkeypatch.setattr(disk, "_content", slow)
    assert disk_use(filled) is None  # at once, though the measuring stands still
    assert is_measuring(filled)
    assert disk_use(filled) is None
    may_go.set()
    until(lambda: disk_use(filled) is not None)
    assert disk_use(filled) == fresh_use(filled)


@pytest.mark.parametrize(
    ("age", "took", "again"),
    [
        (0, 0.001, False), (4, 0.001, False), (6, 0.001, True),  # a small lab: every 5 seconds
        (9, 0.2, False), (11, 0.2, True), (499, 10.0, False), (501, 10.0, True),  # else 50 times as long as it took
        (-3600, 0.001, True),  # the clock was set back
    ],
)  # fmt: skip
def test_an_old_figure_is_given_and_measured_anew(filled: Home, age: float, took: float, again: bool) -> None:
    old = measure(filled).model_copy(update={"measured": time.time() - age, "took": took, "uploads": {"gone": 1}})
    filled.disk.write_text(old.model_dump_json())
    given = disk_use(filled)
    assert given == old
    until(lambda: not is_measuring(filled))
    now = disk_use(filled)
    assert now is not None
    assert (now.uploads != old.uploads) is again


def test_what_changed_while_it_was_measured_is_measured_once_more(
    filled: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go, measured, real = threading.Event(), [], disk.measure

    def slow(home: Home) -> DiskUse:
        assert may_go.wait(30)
        measured.append(home)
        return real(home)

    monkeypatch.setattr(disk, "measure", slow)
    for _ in range(3):
        measure_soon(filled)
    may_go.set()
    until(lambda: not is_measuring(filled))
    assert len(measured) == 2


def test_a_damaged_figure_is_none(filled: Home) -> None:
    filled.disk.write_text("{")
    assert disk_use(filled) is None
    until(lambda: not is_measuring(filled))


MB = 1024**2
Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("free", "limit", "needed", "said"),
    [
        (100 * MB, None, 99 * MB, None),
        (100 * MB, None, 101 * MB, "upload: needs 101 MB on the lab's disk, where 100 MB are free"),
        (10**12, 0.01, 5 * MB, None),
        (10**12, 0.01, 9 * MB, "upload: needs 9 MB, and the lab has 1.5"),
        (10**12, 0.001, 0, "of its 0.001 GB in use"),
    ],
)
def test_room(
    filled: Home, monkeypatch: pytest.MonkeyPatch, free: int, limit: float | None, needed: int, said: str | None
) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: Usage(10**12, 0, free))
    if limit is not None:
        filled.settings.write_text(f"[limits]\ndisk_gb = {limit}\n")
    if said is None:
        check_room(filled, needed, "upload", "source")
    else:
        with pytest.raises(LabError) as raised:
            check_room(filled, needed, "upload", "source")
        assert said in str(raised.value)
        assert raised.value.field == "source"


def test_without_a_limit_nothing_is_measured(filled: Home) -> None:
    check_room(filled, 1, "upload", "source")
    assert not filled.disk.exists()


def test_who_does_not_wait_goes_by_the_newest_figure(filled: Home) -> None:
    filled.settings.write_text("[limits]\ndisk_gb = 0.001\n")
    check_room(filled, 1, "run", "dataset", wait=False)  # nothing is known yet
    until(lambda: filled.disk.exists() and not is_measuring(filled))
    with pytest.raises(LabError, match=r"disk_gb in lab\.toml"):
        check_room(filled, 1, "run", "dataset", wait=False)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 kB"), (1536, "1.5 kB"), (4 * 1024**3, "4 GB"),
        (4_100_000, "3.91 MB"), (1023 * 1024, "1023 kB"), (5 * 1024**4, "5 TB"),
    ],
)  # fmt: skip
def test_amounts(count: int, words: str) -> None:
    assert amount(count) == words
