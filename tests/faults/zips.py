"""Zip files byte by byte: every field of every header can be made to lie, which no library that writes zips allows."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

UTF8 = 0x800
STORED, DEFLATED = 0, 8
FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777
UNIX, DOS = 3, 0


@dataclass(frozen=True)
class Entry:
    """One member. What is None is told truly; `stored` are the bytes that lie in the archive instead of `data`.

    `local_name`, `local_extra`: where the header before the data says otherwise than the directory. `at`: the offset
    that the directory gives.
    """

    name: bytes | str
    data: bytes = b""
    method: int = STORED
    flags: int | None = None
    mode: int = FILE
    system: int = UNIX
    dos: int = 0
    crc: int | None = None
    packed: int | None = None
    size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    local_name: bytes | None = None
    local_extra: bytes = b""
    stored: bytes | None = None
    at: int | None = None
    version: int = 20

    @property
    def raw(self) -> bytes:
        return self.name if isinstance(self.name, bytes) else self.name.encode("utf-8", "surrogatepass")

    @property
    def bits(self) -> int:
        if self.flags is not None:
            return self.flags
        return UTF8 if isinstance(self.name, str) and not self.name.isascii() else 0

    def content(self) -> bytes:
        if self.stored is not None:
            return self.stored
        return deflated(self.data) if self.method == DEFLATED else self.data

    def sizes(self) -> tuple[int, int, int]:
        """The checksum and both lengths as the headers state them."""
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        packed = len(self.content()) if self.packed is None else self.packed
        return crc, packed, len(self.data) if self.size is None else self.size


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def local(entry: Entry) -> bytes:
    """The header before the data, and the data."""
    name = entry.raw if entry.local_name is None else entry.local_name
    fixed = struct.pack(
        "<4s5H3L2H", b"PK\3\4", entry.version, entry.bits, entry.method, 0, 0x21, *entry.sizes(), len(name),
        len(entry.local_extra),
    )  # fmt: skip
    return fixed + name + entry.local_extra + entry.content()


def central(entry: Entry, at: int) -> bytes:
    """The directory's header."""
    return struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", entry.system << 8 | 20, entry.version, entry.bits, entry.method, 0, 0x21,
        *entry.sizes(), len(entry.raw), len(entry.extra), len(entry.comment), 0, 0, entry.mode << 16 | entry.dos,
        at if entry.at is None else entry.at,
    ) + entry.raw + entry.extra + entry.comment  # fmt: skip


def end(count: int, length: int, at: int, comment: bytes = b"") -> bytes:
    """The record at the end of an archive."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, at, len(comment)) + comment


def end64(count: int, length: int, at: int) -> bytes:
    """The records at the end of a large archive; `count` may be anything below 2 ** 64."""
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + length, 1)
    return record + locator + end(min(count, 0xFFFF), min(length, 0xFFFFFFFF), min(at, 0xFFFFFFFF))


def archive(entries: Iterable[Entry], comment: bytes = b"") -> bytes:
    """The whole of a zip file."""
    body, directory, count = bytearray(), bytearray(), 0
    for entry in entries:
        directory += central(entry, len(body))
        body += local(entry)
        count += 1
    if count > 0xFFFF:
        return bytes(body + directory) + end64(count, len(directory), len(body))
    return bytes(body + directory) + end(count, len(directory), len(body), comment)


def write(path: Path, entries: Iterable[Entry]) -> Path:
    path.write_bytes(archive(entries))
    return path
