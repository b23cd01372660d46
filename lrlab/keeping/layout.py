"""The bytes of a backup: a zip file without compression, so that any program can open it and nothing in it can swell.

Files lie one after the other in the order of their names, then comes LIST, which names each with its size and SHA-256,
then the directory that every zip ends with. The zip's comment says where LIST begins and what its own SHA-256 is. So a
reader checks all names and sizes before it writes a byte, reads the rest once from front to back, holds one line at a
time in memory, and never needs the directory, which may say whatever it likes.
"""

from __future__ import annotations

import re
import struct
import time

LIST = "manifest.jsonl"
"""The last entry: a first line about the whole backup, then one a file."""

FORMAT = 1

COMMENT = re.compile(rb"lrlab backup (\d{1,9}): list of files at byte (\d{1,19}), sha256 ([0-9a-f]{64})")

LONGEST_LINE = 1000
"""Bytes of one line of LIST; a path has at most 300."""

_UTF8 = 0x800
_VERSION = 45  # ZIP64
_UNIX = 3
_STORED = 0
_FULL = 0xFFFFFFFF  # the size stands in the ZIP64 extra field
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_EXTRA = struct.Struct("<2H2Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_CENTRAL_EXTRA = struct.Struct("<2H3Q")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")

LOCAL_BYTES = _LOCAL.size + _LOCAL_EXTRA.size
"""Bytes before an entry's content, its name apart."""

END_BYTES = _END.size


def comment(list_at: int, sha256: str) -> bytes:
    """The zip's comment."""
    return f"lrlab backup {FORMAT}: list of files at byte {list_at}, sha256 {sha256}".encode()


def dos_time(moment: float) -> int:
    """`moment` (unix seconds) as a zip has it: date and time in one number, two seconds apart, from 1980 on."""
    year, month, day, hour, minute, second = time.localtime(moment)[:6]
    date = max(0, min(127, year - 1980)) << 9 | month << 5 | day
    return date << 16 | hour << 11 | minute << 5 | second // 2


def local_header(name: str, size: int, crc: int, when: int) -> bytes:
    """What stands before the content of the entry `name`."""
    encoded = name.encode()
    moment, date = when & 0xFFFF, when >> 16
    head = _LOCAL.pack(
        b"PK\3\4", _VERSION, _UTF8, _STORED, moment, date, crc, _FULL, _FULL, len(encoded), _LOCAL_EXTRA.size
    )
    return head + encoded + _LOCAL_EXTRA.pack(1, 16, size, size)


def directory_entry(name: str, size: int, crc: int, when: int, at: int) -> bytes:
    """What the directory says about the entry `name`, whose local header begins at byte `at`."""
    encoded = name.encode()
    moment, date = when & 0xFFFF, when >> 16
    head = _CENTRAL.pack(
        b"PK\1\2", _UNIX << 8 | _VERSION, _VERSION, _UTF8, _STORED, moment, date, crc, _FULL, _FULL,
        len(encoded), _CENTRAL_EXTRA.size, 0, 0, 0, 0o100644 << 16, _FULL,
    )  # fmt: skip
    return head + encoded + _CENTRAL_EXTRA.pack(1, 24, size, size, at)


def end(count: int, directory_bytes: int, directory_at: int, words: bytes) -> bytes:
    """All that follows the directory of `count` entries; `words` is the comment."""
    end64_at = directory_at + directory_bytes
    end64 = _END64.pack(
        b"PK\6\6", _END64.size - 12, _UNIX << 8 | _VERSION, _VERSION, 0, 0, count, count, directory_bytes, directory_at
    )
    locator = _LOCATOR.pack(b"PK\6\7", 0, end64_at, 1)
    return end64 + locator + _END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, _FULL, _FULL, len(words)) + words
