"""Backups that somebody altered, cut, or made to harm: refused before anything is seen, and nothing lies outside.

A backup that was only damaged (a byte, its end) is refused, or restored to the byte where the damage is in what restore
never reads, the zip's own directory.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.keeping import packing, restore
from lrlab.keeping.layout import LOCAL_BYTES, comment
from lrlab.keeping.packing import packed

NAMES = [
    "../evil", "../../evil", "runs/../../evil", "runs/abcde/../../../evil", "/tmp/evil", "//evil", "/", ".", "..",
    "C:/evil", "C:evil", "\\\\host\\evil", "..\\evil", "runs\\abcde\\evil", "runs/abcde/..\\..\\evil",
    "runs/abcde/x\0y", "runs/abcde/\n", "runs/abcde/\x1b[2J", "runs/abcde/\u202egnp.exe", "runs/ABCDE/run.json",
    "runs/abcde/RUN.JSON", "runs/abcde/.lock", "runs/abcde/..", "runs/abcde/con", "runs/abcde/aux.csv",
    "runs/abcde/a.", "runs/abcde/a ", "runs/abcde/a:b", "runs/abcde/é.csv", "runs/abcde/e\u0301.csv",
    "runs/abcde/ｒｕｎ.json", "runs/abcde/a/b/c", "runs/abcde", "runs/abcde/", "runs//run.json", "runs/%2e%2e/x",
    "home.json", "queue.sqlite", "supervisor.lock", "cache/abcde/x", "manifest.jsonl", "x" * 400,
    "datasets/abcde/images/../../../../evil", "datasets/~/x", "datasets/abcde/$(id)", "datasets/abcde/-rf",
]  # fmt: skip

GOOD = {"lab.toml": b"[jobs]\nat_a_time = 2\n", "queue.json": b"[]", "runs/abcde/worker.log": b"a line\n" * 3000}
FACTS = {"home": 1, "lrlab": "", "made": 1.0}


def pack(path: Path, files: dict[str, bytes], **facts: object) -> Path:
    with packed(path) as packer:
        for name, content in files.items():
            packer.add(name, io.BytesIO(content))
        packer.finish({**FACTS, **facts})
    return path


@contextmanager
def anything_goes() -> Iterator[None]:
    """Lets `packing` write names that no lab gives, in any order, with all its checksums right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "check_path", lambda name: None)
        yield


def entries_of(content: bytes) -> tuple[int, list[dict[str, object]]]:
    """Where the list of files begins, and its lines."""
    at = int(content[content.rfind(b"list of files at byte ") + 22 :].split(b",")[0])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return at, [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]


def with_list(content: bytes, lines: list[object], at: int | None = None, raw: bytes | None = None) -> bytes:
    """The backup with another list of files, whose size and checksum are right."""
    import hashlib

    from lrlab.keeping.layout import LIST, directory_entry, end, local_header

    begin, _ = entries_of(content)
    text = raw if raw is not None else b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    body = content[:begin] + local_header(LIST, len(text), 0, 0) + text
    directory = directory_entry(LIST, len(text), 0, 0, begin)
    told = comment(begin if at is None else at, hashlib.sha256(text).hexdigest())
    return body + directory + end(1, len(directory), len(body), told)


def lists(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Lists of files that lie, each in a backup that is sound but for that."""
    _, (facts, *files) = entries_of(content)
    for field, values in {
        "size": [-1, 0, 1, 2**31, 2**62, 2**63, 2**64, 1.5, "9", None, True],
        "path": [None, 7, ["a"], *NAMES[:8]],
        "sha256": ["", "0" * 63, "g" * 64, None, "0" * 64],
    }.items():
        for value in values:
            yield f"{field} {value!r}", with_list(content, [facts, {**files[0], field: value}, *files[1:]])
    for field, values in {
        "files": [-1, 0, 2, 4, 10**9, 2**62, "3", None],
        "bytes": [-1, 0, 1, 2**62, None],
        "home": [-1, 2, "1", None],
        "lrlab_backup": [0, 2, "1", None],
        "made": [None, "now"],
    }.items():
        for value in values:
            yield f"{field} {value!r}", with_list(content, [{**facts, field: value}, *files])
    yield "nan made", with_list(content, [], raw=json.dumps({**facts, "made": float("nan")}).encode() + b"\n")
    yield "a file twice", with_list(content, [{**facts, "files": 4}, files[0], *files])
    yield "another order", with_list(content, [facts, *reversed(files)])
    yield "a file left out", with_list(content, [{**facts, "files": 2}, *files[1:]])
    yield (
        "sizes exchanged",
        with_list(
            content, [facts, {**files[0], "size": files[1]["size"]}, {**files[1], "size": files[0]["size"]}, files[2]]
        ),
    )
    yield "an empty list", with_list(content, [], raw=b"")
    yield "no line's end", with_list(content, [], raw=b"{}")
    yield "a line without end", with_list(content, [], raw=b"[" * 1_000_000)
    yield "deep", with_list(content, [], raw=b"[" * 500 + b"]" * 500 + b"\n")
    yield "no text", with_list(content, [], raw=bytes(range(256)))
    for at in (0, 1, len(content), 2**40, 10**18):
        yield f"a list at {at}", with_list(content, [facts, *files], at=at)


def others(content: bytes, tmp_path: Path) -> Iterator[tuple[str, bytes]]:
    """What is no backup, or has the form of one and something in it that `packing` never writes."""
    for method, name in ((zipfile.ZIP_STORED, "stored"), (zipfile.ZIP_DEFLATED, "deflated")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for entry, data in GOOD.items():
                archive.writestr(entry, data)
            archive.comment = comment(0, "0" * 64)
        yield f"an ordinary zip, {name}", buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("runs/abcde/bomb.csv", bytes(50_000_000))
    yield "a bomb", buffer.getvalue()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    yield "a tar", buffer.getvalue()
    yield "nothing", b""
    yield "a text", b"lrlab backup 1: list of files at byte 0, sha256 " + b"0" * 64
    yield "a later backup", content.replace(b"lrlab backup 1:", b"lrlab backup 2:")
    yield "an earlier backup", content.replace(b"lrlab backup 1:", b"lrlab backup 0:")
    yield "a comment too long", content + b"x"
    yield "something before it", b"x" + content
    flags, method, size = 6, 8, LOCAL_BYTES - 16 + len("lab.toml")
    for what, at, value in (
        ("encrypted", flags, struct.pack("<H", 0x801)),
        ("sizes behind it", flags, struct.pack("<H", 0x808)),
        ("deflated", method, struct.pack("<H", 8)),
        ("lzma", method, struct.pack("<H", 14)),
        ("another name", 30, b"lab.tomk"),
        ("a longer name", 26, struct.pack("<H", 9)),
        ("another size", size, struct.pack("<Q", 3)),
        ("no header", 0, b"PK\5\6"),
    ):
        yield f"the first file {what}", content[:at] + value + content[at + len(value) :]


def test_hostile_backups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Callable[[str, str], None], long: bool
) -> None:
    monkeypatch.setattr(os, "sync", lambda: None, raising=False)
    good = pack(tmp_path / "good.zip", GOOD).read_bytes()
    cases: list[tuple[str, bytes]] = []
    with anything_goes():
        for name in NAMES:
            one = pack(tmp_path / "one.zip", dict(sorted({**GOOD, name: b"evil"}.items())))
            cases.append((name, one.read_bytes()))
            one.unlink()
    names = len(cases)
    cases += [*lists(good), *others(good, tmp_path)]

    walls = tmp_path / "walls"
    escapes = 0
    for number, (what, content) in enumerate(cases):
        walls.mkdir()
        home = Home(walls / "a" / "b" / "lab")
        (walls / "hostile.zip").write_bytes(content)
        try:
            restore(walls / "hostile.zip", home)
        except LabError as error:
            assert str(error) and "\n" not in str(error), what
        else:
            pytest.fail(f"{what}: it was restored")
        left = [
            path for path in walls.rglob("*") if path.is_file() and path.name not in ("hostile.zip", "supervisor.lock")
        ]
        escapes += len(left)
        assert not left, (number, what, left)
        shutil.rmtree(walls)
    assert not Path("/tmp/evil").exists()
    figure(
        "hostile backups",
        f"{len(cases)} backups made to harm ({names} of them by a name), {len(cases)} refused, {escapes} files written",
    )


@pytest.mark.timeout(3600)
def test_damaged_backups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Callable[[str, str], None], long: bool
) -> None:
    monkeypatch.setattr(os, "sync", lambda: None, raising=False)
    good = pack(tmp_path / "good.zip", GOOD).read_bytes()
    chance, refused, whole, wrong = random.Random(4), 0, 0, 0
    flips = 4000 if long else 400
    cuts = range(0, len(good), 11 if long else 211)
    damaged = [good[:length] for length in cuts]
    for _ in range(flips):
        at, bit = chance.randrange(len(good)), 1 << chance.randrange(8)
        damaged.append(good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :])
    for content in damaged:
        home = Home(tmp_path / "lab")
        (tmp_path / "damaged.zip").write_bytes(content)
        try:
            restore(tmp_path / "damaged.zip", home)
        except LabError:
            refused += 1
            assert not home.settings.exists() and not (home.runs / "abcde").exists()
        else:
            whole += 1
            wrong += home.settings.read_bytes() != GOOD["lab.toml"]
            wrong += (home.runs / "abcde" / "worker.log").read_bytes() != GOOD["runs/abcde/worker.log"]
        shutil.rmtree(home.root, ignore_errors=True)
    assert wrong == 0
    assert refused >= len(cuts)
    figure(
        "damaged backups",
        f"{len(cuts)} cut, {flips} with one bit turned: {refused} refused, {whole} restored to the byte (the bit lay "
        f"where restore never reads), {wrong} wrong",
    )
