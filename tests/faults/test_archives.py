"""Archives that mean harm: the whole is refused, the entry named, and nothing is written outside the lab's own folder.

Python's audit hook watches every file that is opened for writing, made, moved or linked while an archive is taken in.
"""

from __future__ import annotations

import os
import random
import stat
import struct
import sys
import tempfile
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lrlab.datasets import add_dataset, delete_dataset, load_dataset
from lrlab.errors import LabError
from lrlab.home import Home
from tests.faults.zips import DEFLATED, DOS, FOLDER, LINK, UTF8, Entry, archive

TRAVERSAL = [
    "../e.png", "..", "../", "../../../../../../../../tmp/e.png", "a/../../e.png", "a/b/../../../e.png", "./../e.png",
    ".//../e.png", "a/..", "a/../b.png", "..\\e.png", "a\\..\\..\\e.png", "a/..\\../e.png", "__MACOSX/../../e.png",
    "../__MACOSX/._e.png", "../../../../root/.ssh/authorized_keys", "A/../../../../datasets/e.png", "A/..\\",
    "x/../../../../../../../../../../proc/self/mem", "../\u8c46.png", ".git/../../e.png", "a/../../../run.json",
]  # fmt: skip
ABSOLUTE = [
    "/e.png", "//e.png", "///etc/passwd", "/etc/cron.d/e", "/", "\\e.png", "\\\\server\\share\\e.png", "/./e.png",
    "\\\\?\\C:\\e.png", "\\\\.\\PhysicalDrive0", "//server/share/e.png", "/proc/self/environ", "/../e.png",
]  # fmt: skip
DRIVES = ["C:/e.png", "c:e.png", "C:\\Windows\\System32\\e.dll", "Z:/../e.png", "C:", "d:\\..\\e.png", "C:A/e.png"]
UNSHOWABLE = [
    "a/new\nline.png", "a/\r.png", "a/\t.png", "a/\x1b[2J.png", "a/\x07.png", "a/\x7f.png", "a/\x01", "\x85/e.png",
    "a/\u2028.png", "a/\u2029.png", "\x1b]0;owned\x07/e.png", "a/\x08\x08\x08.png",
]  # fmt: skip
TOO_LONG = [
    "d/" * 40 + "e.png",
    "d" * 1100 + ".png",
    "d/" * 32 + "e.png",
    "A/" + "\u8c46" * 1023,
    "/".join("abcdef" * 6),
]
NAMES = {
    'leads out of its folder ("..")': TRAVERSAL, "is an absolute path": ABSOLUTE, "starts with a drive letter": DRIVES,
    "holds a control character": UNSHOWABLE, "is too long": TOO_LONG,
}  # fmt: skip

TWINS = [
    # two names that some file system takes for one
    ("A/1.png", "A/1.png"), ("A/1.png", "a/1.PNG"), ("A/1.png", "./A//1.png"), ("A/1.png", "A\\1.png"),
    ("A/\u00e9.png", "A/e\u0301.png"), ("A/\u00c9.png", "A/e\u0301.png"), ("A/\u00e5.png", "A/\u212b.png"),
    ("A/stra\u00dfe.png", "A/STRASSE.png"), ("A/\u212a.png", "A/k.png"), ("A/\u017f.png", "A/s.png"),
    ("A/\uac00.png", "A/\u1100\u1161.png"), ("A/\u03a3.png", "A/\u03c2.png"), ("A/\u01f0.png", "A/J\u030c.png"),
    ("A/\ufb01.png", "A/FI.png"), ("A/1.png", "A/./1.png"),
]  # fmt: skip

KINDS = {
    "is a link": [
        Entry("A/link.png", b"../../../../etc/passwd", mode=LINK),
        Entry("link", b"/", mode=LINK),
        Entry("__MACOSX/link", b"/etc", mode=LINK),
        Entry("A/dir/", b"", mode=stat.S_IFLNK | 0o777),
        Entry("A/junction", b"C:\\", mode=0, system=DOS, dos=0x400),
        Entry("A/junction", b"C:\\", mode=0, system=11, dos=0x410),
    ],
    "is a device, not a file": [
        Entry(f"A/{kind}.png", b"x", mode=kind | 0o666)
        for kind in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, 0o030000, 0o170000)
    ],
    "is protected by a password": [Entry("A/locked.png", b"x" * 40, flags=flags) for flags in (1, 0x41, 0x40, 0x2001)],
    "is a patch of another file": [Entry("A/patch.png", b"x", flags=0x20)],
    "is compressed by": [
        Entry(f"A/{method}.png", b"x" * 40, method=method) for method in (1, 6, 9, 10, 12, 14, 93, 95, 96, 98, 99, 777)
    ],
    "holds a NUL character": [Entry(b"A/good.png\0/../../e.png"), Entry(b"\0"), Entry("A/x\0.png")],
    "overlaps another one": [
        Entry("A/over.png", b"x" * 40, at=0), Entry("A/over.png", b"x" * 40, at=3), Entry("A/o.png", b"", at=35)
    ],
}  # fmt: skip


def renamed(name: str, checksum: bytes) -> Entry:
    """An entry that bears another name in its Unicode Path field."""
    field = struct.pack("<BL", 1, zlib.crc32(checksum)) + name.encode()
    return Entry("A/good.png", b"x", extra=struct.pack("<HH", 0x7075, len(field)) + field)


def hostile() -> Iterator[tuple[list[Entry], str, str]]:
    """Entries to put into an otherwise good archive, what the refusal says, and what it names."""
    for reason, names in NAMES.items():
        for name in names:
            yield [Entry(name, b"x")], reason, name
    for name in (*TRAVERSAL[:6], *ABSOLUTE[:3], *DRIVES[:2]):
        yield [Entry(name.encode(), b"x", flags=UTF8)], "is refused", name
        yield [renamed(name, b"A/good.png")], "is refused", name
    for name in (*TRAVERSAL[:3], *ABSOLUTE[:2]):
        yield [Entry(name if name.endswith("/") else f"{name}/", mode=FOLDER)], "is refused", name
        yield [Entry(name, b"x", local_name=b"x" * len(name))], "is refused", name
    for first, second in TWINS:
        yield [Entry(first, b"x"), Entry(second, b"y")], "two entries of one name", second
    yield [Entry("A/f.png", b"x"), Entry("A/f.png/g.png", b"y")], "a file and a folder at once", "A/f.png"
    yield [Entry("B/", mode=FOLDER), Entry("b", b"x")], "a file and a folder at once", "b"
    for reason, entries in KINDS.items():
        for entry in entries:
            yield [entry], reason, entry.raw.decode()


CHANGING = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate", "os.utime"}


class Watch:
    """Every place outside `inside` that something is written to while `watching`. A hook can never be taken away."""

    WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def __init__(self) -> None:
        self.inside: str | None = None
        self.seen = 0
        self.outside: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.inside is None:
            return
        if event == "open":
            path, mode, flags = arguments
            if not (flags & self.WRITING if isinstance(flags, int) else set(str(mode)) & set("wax+")):
                return
        elif event not in CHANGING and not event.startswith("shutil.") and event != "subprocess.Popen":
            return
        else:
            path = arguments[1] if event in ("os.rename", "os.link", "os.symlink") else arguments[0]
        if isinstance(path, int):
            return
        self.seen += 1
        if not os.path.realpath(os.fsdecode(path)).startswith(self.inside):
            self.outside.append(f"{event} {path!r}")

    @contextmanager
    def watching(self, folder: Path) -> Iterator[None]:
        self.inside = os.path.realpath(folder) + os.sep
        try:
            yield
        finally:
            self.inside = None


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture
def good(picture: Callable[..., bytes]) -> list[Entry]:
    return [Entry(f"{label}/{number}.png", picture(number)) for label in "PQ" for number in range(2)]


def left(home: Home) -> list[str]:
    """What an import left in the lab."""
    return [path.name for path in home.datasets.iterdir() if path.name != ".lock"]


def test_every_hostile_archive_is_refused_whole_and_nothing_escapes(
    home: Home, good: list[Entry], watch: Watch, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    path = tmp_path / "set.zip"
    refused = 0
    for entries, reason, name in hostile():
        # first, last and between good ones: no order makes a difference
        place = len(good) if entries[0].at is not None else refused % (len(good) + 1)
        path.write_bytes(archive([*good[:place], *entries, *good[place:]]))
        with pytest.raises(LabError) as caught, watch.watching(home.root):
            add_dataset(home, path, "made")
        said = str(caught.value)
        assert reason in said, (name, said)
        assert repr(name)[1:20].split("'")[0] in said, (name, said)
        assert caught.value.field == "source"
        assert len(said) < 400
        assert left(home) == [], name
        refused += 1
    assert watch.outside == []
    assert refused >= 100
    figure("hostile archives", f"{refused} archives refused, each with its entry named; {len(watch.outside)} escapes")


def test_the_watch_sees_what_a_good_archive_writes(home: Home, good: list[Entry], watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    path.write_bytes(archive(good))
    watch.seen, watch.outside = 0, []
    with watch.watching(home.root):
        add_dataset(home, path, "made")
        with tempfile.TemporaryFile():
            pass
    assert watch.seen > len(good)
    assert len(watch.outside) >= 1
    assert all("tmp" in place for place in watch.outside)


def test_names_on_disk_are_made_by_us(home: Home, picture: Callable[..., bytes], tmp_path: Path) -> None:
    """Names that are legal and awkward: reserved on Windows, a shell's, a URL's, hidden in Unicode."""
    names = [
        "CON", "aux.png", "a:b.png", "$(id).png", "`id`.png", "-rf", "~", "%2e%2e%2fe.png", "\u202egnp.exe", "...",
        "e\u200b.png", "a|b.png", 'a"b.png', "trailing. ", "\u2025/e.png", "\uff0e\uff0e/e.png", "..\u2215e.png",
        "a..b",
    ]  # fmt: skip
    path = tmp_path / "set.zip"
    entries = [Entry(f"{'PQ'[number % 2]}/{name}", picture(number)) for number, name in enumerate(names)]
    path.write_bytes(archive(entries))
    dataset = add_dataset(home, path, "made")
    assert len(dataset) + len(dataset.refused) == len(names) - 2  # "..." and "..U+2215" begin with a dot: hidden files
    assert [file.name for file in sorted(dataset.root.iterdir())] == [f"{n:06d}.png" for n in range(len(dataset))]


REAL_NAMES = {
    # what programs wrote: bytes of a folder and a file, flag, the name in Unicode
    "Windows in Chinese (GBK)": ("深烘/咖啡豆_01.png", "gbk", 0),
    "Windows in Chinese, traditional signs": ("淺焙/臺灣.png", "gbk", 0),
    "Windows in Chinese, a second byte that is a backslash": ("誠/乗.png", "gbk", 0),
    "macOS, UTF-8 without the flag": ("深烘/Cafe\u0301.png", "utf-8", 0),
    "7-Zip, UTF-8 with the flag": ("浅烘/豆 ☕.png", "utf-8", UTF8),
    "Python and Linux, UTF-8 with the flag": ("Ünïcode/ß.png", "utf-8", UTF8),
    "DOS, cp437": ("Café/ü.png", "cp437", 0),
}


def test_names_of_other_machines_are_read_and_kept_right(
    home: Home, picture: Callable[..., bytes], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    for number, (program, (name, encoding, flag)) in enumerate(REAL_NAMES.items()):
        entries = [Entry(name.encode(encoding), picture(1), flags=flag), Entry("plain/1.png", picture(2), flags=0)]
        path = tmp_path / "set.zip"
        path.write_bytes(archive(entries))
        dataset = load_dataset(home, add_dataset(home, path, f"set {number}").id)
        shown = unicodedata.normalize("NFC", name)
        assert set(dataset.images["name"]) == {shown, "plain/1.png"}, program
        assert shown.partition("/")[0] in dataset.classes, program
    figure("zip names", f"{len(REAL_NAMES)} of {len(REAL_NAMES)} programs' names read right")


@pytest.mark.timeout(1200)
def test_changed_bytes_are_refused_or_read_and_never_break_the_import(
    home: Home, good: list[Entry], watch: Watch, tmp_path: Path, long: bool, figure: Callable[[str, str], None]
) -> None:
    """Bits turned, bytes lost, doubled and swapped anywhere in an archive that was sound."""
    draw = random.Random(6)
    sound = archive([*good, Entry("P/packed.png", good[0].data, DEFLATED), Entry("Q/深.png", good[1].data)])
    path = tmp_path / "set.zip"
    outcomes = {"refused": 0, "taken": 0}
    watch.outside = []
    rounds = 5_000 if long else 300
    for number in range(rounds):
        broken = bytearray(sound)
        for _ in range(draw.choice([1, 1, 2, 8])):
            at = (
                draw.randrange(len(broken)) if draw.random() < 0.5 else draw.randrange(len(sound) * 3 // 4, len(broken))
            )
            match draw.randrange(4):
                case 0:
                    broken[at] ^= 1 << draw.randrange(8)
                case 1:
                    broken[at] = draw.choice([0, 0xFF, 0x50, 0x2F])
                case 2:
                    del broken[at : at + draw.choice([1, 2, 20])]
                case _:
                    broken[at:at] = broken[at : at + draw.choice([1, 4, 46])]
            if len(broken) < 60:
                break
        path.write_bytes(broken)
        try:
            with watch.watching(home.root):
                dataset = add_dataset(home, path, f"set {number}")
        except LabError as error:
            assert error.field == "source"
            outcomes["refused"] += 1
        else:
            assert 0 < len(dataset) <= len(good) + 2
            outcomes["taken"] += 1
            delete_dataset(home, dataset.id)
        assert left(home) == []
    assert watch.outside == []
    assert outcomes["refused"] > rounds / 10
    assert outcomes["taken"] > rounds / 10
    figure("changed archives", f"{rounds} archives with changed bytes: {outcomes}, 0 crashes, 0 escapes")
