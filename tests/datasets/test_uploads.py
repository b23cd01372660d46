"""Uploads: only what was announced, only whole files, nothing outside their own folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lrlab.datasets import Upload, begin_upload, cancel_upload, limits, open_upload, sweep_uploads, uploads
from lrlab.errors import LabError, NotFound
from lrlab.home import Home

FILES = [("set/A/1.png", 6), ("set/A/2.png", 0), ("set/B/深烘.png", 4)]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_arrive_in_any_order_and_in_pieces(home: Home) -> None:
    upload = begin_upload(home, "made", FILES)
    assert upload.bytes == 10
    assert upload.missing() == [0, 1, 2]
    with upload.receive(2) as last, upload.receive(0) as first:
        for piece in (b"ab", b"", b"cdef"):
            first.write(piece)
        last.write(memoryview(b"wxyz"))
    with upload.receive(1):
        pass
    again = open_upload(home, upload.id)
    assert again.missing() == []
    again.finish()
    assert [again.path(number).read_bytes() for number in range(3)] == [b"abcdef", b"", b"wxyz"]
    assert again.files == upload.files
    assert _names(again.folder) == ["000000", "000001", "000002", "upload.json"]


def test_a_file_may_be_sent_again(home: Home) -> None:
    upload = begin_upload(home, "made", [("a", 3)])
    for content in (b"old", b"new"):
        with upload.receive(0) as file:
            file.write(content)
    assert upload.path(0).read_bytes() == b"new"


def test_a_longer_file_is_refused_and_not_kept(home: Home) -> None:
    upload = begin_upload(home, "made", FILES)
    with pytest.raises(LabError, match=r"'set/A/1\.png' is larger than was announced"), upload.receive(0) as file:
        file.write(b"1234567")
    assert upload.missing() == [0, 1, 2]
    assert _names(upload.folder) == ["upload.json"]


def test_a_shorter_file_is_refused_and_not_kept(home: Home) -> None:
    upload = begin_upload(home, "made", FILES)
    with pytest.raises(LabError, match=r"'set/A/1\.png' was cut off"), upload.receive(0) as file:
        file.write(b"12345")
    assert _names(upload.folder) == ["upload.json"]


def test_a_broken_connection_leaves_no_file(home: Home) -> None:
    upload = begin_upload(home, "made", FILES)
    with pytest.raises(ConnectionError), upload.receive(0) as file:
        file.write(b"123456")
        raise ConnectionError
    assert _names(upload.folder) == ["upload.json"]


def test_finish_tells_what_is_missing(home: Home) -> None:
    upload = begin_upload(home, "made", FILES)
    with upload.receive(1):
        pass
    with pytest.raises(LabError, match=r"2 of 3 files did not arrive, the first is 'set/A/1\.png'") as caught:
        upload.finish()
    assert caught.value.field == "source"


def test_a_large_file_may_come_in_slices(home: Home) -> None:
    """The second slice is cut off and sent again from its start, as a browser does whose connection dropped."""
    upload = begin_upload(home, "made", [("set.zip", 10)])
    for start, piece in ((0, b"0123"), (4, b"45"), (4, b"4567"), (8, b"89")):
        receiver = upload.receive(0, start)
        receiver.write(piece)
        assert receiver.left == 10 - start - len(piece)
        if receiver.left:
            receiver.pause()
            assert upload.missing() == [0]
        else:
            receiver.close()
    assert upload.missing() == []
    assert upload.path(0).read_bytes() == b"0123456789"
    assert _names(upload.folder) == ["000000", "upload.json"]


def _slice(upload: Upload, start: int, piece: bytes) -> None:
    receiver = upload.receive(0, start)
    receiver.write(piece)
    receiver.close() if not receiver.left else receiver.pause()


def test_a_slice_that_comes_late_takes_nothing_back(home: Home) -> None:
    """A proxy delivers what the browser gave up for lost, after the browser has sent it again and gone on."""
    upload = begin_upload(home, "made", [("set.zip", 10)])
    for start, piece in ((0, b"0123"), (4, b"4567"), (0, b"0123"), (4, b"45"), (8, b"89")):
        _slice(upload, start, piece)
    assert upload.path(0).read_bytes() == b"0123456789"


@pytest.mark.parametrize("start", [0, 4, 8])
def test_a_slice_of_a_file_that_is_whole_may_come_again(home: Home, start: int) -> None:
    """The answer to the last slice was lost."""
    upload = begin_upload(home, "made", [("set.zip", 10)])
    for begin in (0, 4, 8, start):
        _slice(upload, begin, b"0123456789"[begin : begin + 4])
    assert upload.path(0).read_bytes() == b"0123456789"
    assert _names(upload.folder) == ["000000", "upload.json"]
    with pytest.raises(LabError, match="larger than was announced"):
        _slice(upload, 8, b"89!")


def test_an_upload_of_one_large_file_is_not_abandoned_while_it_grows(home: Home) -> None:
    upload = begin_upload(home, "made", [("set.zip", 10)])
    _slice(upload, 0, b"0123")
    os.utime(upload.folder, (0, 0))
    _slice(upload, 4, b"4567")
    assert sweep_uploads(home) == 0


@pytest.mark.parametrize("start", [-1, 5, 11])
def test_a_slice_must_follow_what_came_before(home: Home, start: int) -> None:
    upload = begin_upload(home, "made", [("set.zip", 10)])
    first = upload.receive(0, 0)
    first.write(b"0123")
    first.pause()
    with pytest.raises(LabError, match="allowed: 0 to 4, the bytes that came before") as caught:
        upload.receive(0, start)
    assert caught.value.field == "start"


def test_a_slice_that_is_too_long_is_refused(home: Home) -> None:
    upload = begin_upload(home, "made", [("set.zip", 10)])
    receiver = upload.receive(0, 0)
    with pytest.raises(LabError, match="larger than was announced"):
        receiver.write(b"0123456789!")
    assert _names(upload.folder) == ["upload.json"]


REFUSED = {
    "none": ([], "got 0 files"),
    "a path out of the folder": ([("../evil", 1)], "leads out of its folder"),
    "an absolute path": ([("/etc/passwd", 1)], "absolute"),
    "a drive": ([("C:/evil", 1)], "drive letter"),
    "a NUL": ([("a\0b", 1)], "NUL"),
    "a control character": ([("a\nb", 1)], "control character"),
    "no name": ([("", 1)], "has no name"),
    "twice": ([("a/b", 1), ("A/B", 1)], "comes twice"),
    "negative": ([("a", -1)], "negative size"),
    "too large": ([("a", 3 * 1024**3), ("b", 3 * 1024**3)], "got 6 GB, allowed: at most 4 GB"),
}


@pytest.mark.parametrize(("files", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_announcement_is_refused(home: Home, files: list[tuple[str, int]], reason: str) -> None:
    with pytest.raises(LabError, match=reason) as caught:
        begin_upload(home, "made", files)
    assert caught.value.field == "source"
    assert _names(home.uploads) == []


def test_too_many_files_are_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 3)
    begin_upload(home, "made", FILES)
    with pytest.raises(LabError, match="got 4 files, allowed: 1 to 3"):
        begin_upload(home, "made", [*FILES, ("d", 1)])


def test_a_disk_without_the_room_is_told_before_the_first_byte(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 19})
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(LabError, match="needs 20 bytes on the lab's disk, where 19 bytes are free"):
        begin_upload(home, "made", FILES)


@pytest.mark.parametrize("number", [-1, 3, 10**9])
def test_only_announced_numbers_are_received(home: Home, number: int) -> None:
    upload = begin_upload(home, "made", FILES)
    with pytest.raises(LabError, match="allowed: 0 to 2") as caught:
        upload.receive(number)
    assert caught.value.field == "file"


@pytest.mark.parametrize("bad", ["", "..", "../uploads", "/etc", "nosuchid", "a" * 40])
def test_only_ids_reach_the_disk(home: Home, bad: str) -> None:
    with pytest.raises(NotFound, match="no such upload"):
        open_upload(home, bad)
    cancel_upload(home, bad)
    assert home.uploads.is_dir()


def test_cancel_removes_everything_and_receiving_ends(home: Home) -> None:
    upload = begin_upload(home, "made", FILES)
    cancel_upload(home, upload.id)
    cancel_upload(home, upload.id)
    assert _names(home.uploads) == []
    with pytest.raises(NotFound):
        upload.receive(0)


def test_sweep_takes_only_what_nobody_writes_to(home: Home) -> None:
    old, fresh = (begin_upload(home, name, FILES) for name in ("old", "fresh"))
    os.utime(old.folder, (0, 0))
    (home.uploads / "not-ours").mkdir()
    assert sweep_uploads(home) == 1
    assert _names(home.uploads) == sorted([fresh.id, "not-ours"])


def test_sweep_passes_by_what_goes_while_it_looks(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        begin_upload(home, name, FILES)

    def cancelled(name: str) -> bool:
        shutil.rmtree(home.uploads / name)
        return True

    monkeypatch.setattr(uploads, "is_id", cancelled)
    assert sweep_uploads(home) == 0
    assert _names(home.uploads) == []


def test_the_folder_is_made_by_us(home: Home, tmp_path: Path) -> None:
    upload = begin_upload(home, "../../evil", FILES)
    assert upload.folder.parent == home.uploads
    assert upload.name == "../../evil"
