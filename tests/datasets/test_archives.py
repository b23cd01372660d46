"""Zips as people make them: names read right, damage told. What attackers make of them is in tests/faults."""

from __future__ import annotations

import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lrlab.datasets.archives import open_zip
from lrlab.datasets.images import Unreadable
from lrlab.errors import LabError

DATA = b"content of a file"


def _info(name: str, *, mode: int = 0, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def _zip(path: Path, *entries: zipfile.ZipInfo, data: bytes = DATA) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for entry in entries:
            archive.writestr(entry, data)
    return path


def _raw_names(path: Path, names: list[bytes], flag: int = 0) -> Path:
    """A zip whose entries bear exactly these bytes as names."""
    placeholders = ["x" * (len(name) - 1) + chr(ord("a") + place) for place, name in enumerate(names)]
    _zip(path, *map(_info, placeholders))
    content = path.read_bytes()
    for placeholder, name in zip(placeholders, names, strict=True):
        assert content.count(placeholder.encode()) == 2
        content = content.replace(placeholder.encode(), name)
    changed = bytearray(content)
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = changed.find(magic)
        while at >= 0:
            struct.pack_into("<H", changed, at + offset, flag)
            at = changed.find(magic, at + 4)
    path.write_bytes(changed)
    return path


def _names(path: Path) -> list[str]:
    with open_zip(path, path.name) as listing:
        assert all(entry.read(100) == DATA for entry in listing.entries)
        return [entry.name for entry in listing.entries]


NAMES = {
    "ascii": ([b"Dark/1.png"], 0, ["Dark/1.png"]),
    "utf-8, flagged": (["深烘/豆.png".encode()], 0x800, ["深烘/豆.png"]),
    "utf-8, no flag (macOS)": (["深烘/豆.png".encode(), "é/1.png".encode()], 0, ["深烘/豆.png", "é/1.png"]),
    "gbk (Chinese Windows)": (["深烘/豆.png".encode("gbk"), b"plain.png"], 0, ["深烘/豆.png", "plain.png"]),
    "gbk with a backslash as second byte": (["誠/1.png".encode("gbk")], 0, ["誠/1.png"]),
    "cp437 (DOS)": (["Café/ü.png".encode("cp437")], 0, ["Café/ü.png"]),
    "composed form": (["Cafe\u0301/1.png".encode()], 0x800, ["Caf\u00e9/1.png"]),
    "backslashes (old .NET)": ([b"Dark\\1.png", b"Dark\\2.png"], 0, ["Dark/1.png", "Dark/2.png"]),
    "dots and doubled slashes": ([b"./Dark//1.png"], 0, ["Dark/1.png"]),
    "wide space and emoji": (["深\u3000烘/☕️.png".encode()], 0x800, ["深\u3000烘/☕️.png"]),
    "litter": ([b"__MACOSX/D/._1.png", b"D/.DS_Store", b"D/Thumbs.db", b"D/Icon\r", b"D/1.png"], 0, ["D/1.png"]),
}


@pytest.mark.parametrize(("raw", "flag", "names"), NAMES.values(), ids=NAMES)
def test_names_are_read_as_they_were_written(tmp_path: Path, raw: list[bytes], flag: int, names: list[str]) -> None:
    assert _names(_raw_names(tmp_path / "names.zip", raw, flag)) == names


def test_the_unicode_path_field_is_preferred_where_it_belongs_to_the_name(tmp_path: Path) -> None:
    path = tmp_path / "extra.zip"
    for checksum, name in ((zlib.crc32(b"bean.png"), "豆.png"), (1, "bean.png")):
        field = struct.pack("<BL", 1, checksum) + "豆.png".encode()
        info = _info("bean.png")
        info.extra = struct.pack("<HH", 0x7075, len(field)) + field
        _zip(path, info)
        with open_zip(path, path.name) as listing:
            assert [entry.name for entry in listing.entries] == [name]


NO_ZIPS = {
    "text": (b"no zip at all", "is not a zip file"),
    "nothing": (b"", "is not a zip file"),
    "tar": (b"\0" * 257 + b"ustar\x0000" + b"\0" * 700, "is a tar archive"),
    "tar.gz": (b"\x1f\x8b\x08\0" + b"\0" * 60, "is a gzip or tar.gz archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"\0" * 60, "is a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x01\0" + b"\0" * 60, "is a RAR archive"),
    "cut": (b"PK\3\4" + b"\0" * 600, "is a zip file without its end"),
    "an end record alone, cut": (b"PK\5\6" + b"\0" * 10, "is not a zip file"),
    "a directory that is not there": (
        b"\0" * 9 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, 999, 5, 0),
        "is damaged",
    ),
    "rubbish for a directory": (b"\xaa" * 99 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 99, 0, 0), "is damaged"),
}


@pytest.mark.parametrize(("content", "reason"), NO_ZIPS.values(), ids=NO_ZIPS)
def test_what_is_no_zip_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(LabError, match=f"^thing {reason}") as caught, open_zip(path, "thing"):
        pass
    assert caught.value.field == "source"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_cut_download_is_told(tmp_path: Path, share: float) -> None:
    whole = _zip(tmp_path / "whole.zip", *(_info(f"a/{number}.png") for number in range(50))).read_bytes()
    path = tmp_path / "cut.zip"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(LabError, match="was cut off"), open_zip(path, "cut.zip"):
        pass


def test_a_zip64_archive_with_a_comment_opens(tmp_path: Path) -> None:
    path = tmp_path / "big.zip"
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("a/1.png", "w", force_zip64=True) as file:
            file.write(DATA)
        archive.comment = b"c" * 65535
    assert _names(path) == ["a/1.png"]


def test_an_entry_gives_no_more_than_it_states(tmp_path: Path) -> None:
    """A bomb that states a small size: what it unpacks to beyond that is never produced, and its checksum fails."""
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/bomb.png", bytes(50_000_000))
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", content, content.find(magic) + offset, 100)
    path.write_bytes(content)
    with open_zip(path, "liar.zip") as listing:
        assert listing.entries[0].size == 100
        for limit in (16, 10**9):
            with pytest.raises(Unreadable, match="damaged inside the archive"):
                listing.entries[0].read(limit)


def test_a_damaged_member_is_unreadable_alone(tmp_path: Path) -> None:
    path = _zip(tmp_path / "bad.zip", _info("a.png"), _info("b.png"))
    content = bytearray(path.read_bytes())
    content[content.find(DATA)] ^= 0xFF
    path.write_bytes(content)
    with open_zip(path, "bad.zip") as listing:
        first, second = listing.entries
        with pytest.raises(Unreadable, match="CRC"):
            first.read(100)
        assert second.read(100) == DATA


def test_folders_are_listed_and_empty_ones_too(tmp_path: Path) -> None:
    path = _zip(tmp_path / "folders.zip", _info("x/A/1.png"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.mkdir("x/B")
    with open_zip(path, "folders.zip") as listing:
        assert listing.folders == {("x",), ("x", "A"), ("x", "B")}


def test_an_archive_behind_other_bytes_opens(tmp_path: Path) -> None:
    """Self-extracting archives carry a program in front."""
    plain = _zip(tmp_path / "plain.zip", _info("a/1.png")).read_bytes()
    path = tmp_path / "program.exe"
    path.write_bytes(b"MZ" + bytes(5000) + plain)
    assert _names(path) == ["a/1.png"]


def test_reading_from_many_threads_gives_every_file_its_own_bytes(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(300):
            archive.writestr(f"a/{number}.png", str(number) * 1000)
    with open_zip(path, "many.zip") as listing, ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda entry: entry.read(10**6), listing.entries))
    assert contents == [(str(number) * 1000).encode() for number in range(300)]
