"""A zip file as a source of images. Whatever is wrong with an archive refuses the whole of it, naming the entry.

The directory at the end of a zip is measured before Python's zipfile parses it: a file of a few megabytes can list
millions of entries, which take zipfile ten seconds and a gigabyte.
"""

from __future__ import annotations

import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lrlab.datasets.images import Unreadable
from lrlab.datasets.limits import MAX_FILES, MAX_RATIO, MAX_TOTAL_BYTES, RATIO_FREE_BYTES, megabytes
from lrlab.datasets.paths import Parts, folded, is_litter, safe_parts
from lrlab.datasets.source import Entry, Listing
from lrlab.errors import LabError, shown

_OTHER_ARCHIVES = {
    b"\x1f\x8b": "a gzip or tar.gz archive",
    b"BZh": "a bzip2 or tar.bz2 archive",
    b"\xfd7zXZ\0": "an xz or tar.xz archive",
    b"(\xb5/\xfd": "a Zstandard archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
}
_TAR_MAGIC = slice(257, 262)

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 65535
_DIRECTORY_BYTES = 64 * 1024**2  # zipfile reads the directory in one piece; 200,000 entries of 300 bytes fit
_MOST_FOLDERS = 50_000  # 200,000 names that share none of their 32 folders would take a gigabyte
_HEADER_LENGTHS = struct.Struct("<3H")  # of name, extra field and comment, at byte 28 of a directory header
_HEADER_BYTES = 46
_LOCAL_BYTES = 30

_UTF8_FLAG = 0x800
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000  # of the data, strongly, and of the directory itself
_PATCH_FLAG = 0x20
_UNICODE_PATH = 0x7075
_REPARSE_POINT = 0x400  # what Windows calls its links
_WINDOWS = (0, 10, 11, 14)
# bzip2 and LZMA members are left out on purpose: zipfile unpacks them without a bound on what a few bytes become.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_METHOD_NAMES = {9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}


@contextmanager
def open_zip(path: Path, title: str) -> Iterator[Listing]:
    """The files of the zip at `path`, readable until the context ends. `title`: how a person calls this file.

    Raises LabError (field "source") where it is no zip, damaged, protected, too large or holds a hostile entry.
    """
    with path.open("rb") as file:
        _measure(file, title)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, struct.error) as error:
            raise _fault(title, f"is damaged ({error}); pack it again") from error
        with archive:
            yield _list(archive, file, title)


def _fault(title: str, text: str) -> LabError:
    return LabError(f"{title} {text}", field="source")


def _too_many(title: str) -> LabError:
    return _fault(title, f"lists too many files; allowed: at most {MAX_FILES:,}")


def _measure(file: BinaryIO, title: str) -> None:
    """Refuses what is no zip, and a zip that lists more than MAX_FILES entries, from a few bytes of its end."""
    head = file.read(512)
    size = file.seek(0, os.SEEK_END)
    tail_start = max(0, size - _LONGEST_COMMENT - _END.size - _LOCATOR_BYTES - _END64.size)
    file.seek(tail_start)
    tail = file.read()
    at = len(tail) - _END.size
    if at < 0 or tail[at : at + 4] != b"PK\5\6" or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise _fault(title, _what_else(head))
    _, _, _, _, count, directory_bytes, _, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    at64 = at - _LOCATOR_BYTES - _END64.size
    if at64 >= 0 and tail[at - _LOCATOR_BYTES :][:4] == b"PK\6\7" and tail[at64 : at64 + 4] == b"PK\6\6":
        *_, count, directory_bytes, _ = _END64.unpack_from(tail, at64)
        end = tail_start + at64
    listed = count if directory_bytes > _DIRECTORY_BYTES else _directory_entries(file, end, directory_bytes)
    if directory_bytes > _DIRECTORY_BYTES or max(count, listed) > MAX_FILES:
        raise _too_many(title)


def _directory_entries(file: BinaryIO, end: int, directory_bytes: int) -> int:
    """The entries that the directory really lists (the count in the end record may lie), up to MAX_FILES + 1."""
    if not 0 < directory_bytes <= end:
        return 0
    file.seek(end - directory_bytes)
    entries, left = 0, directory_bytes
    while left >= _HEADER_BYTES and entries <= MAX_FILES:
        header = file.read(_HEADER_BYTES)
        if header[:4] != b"PK\1\2":
            break
        lengths = sum(_HEADER_LENGTHS.unpack_from(header, 28))
        file.seek(lengths, os.SEEK_CUR)
        left -= _HEADER_BYTES + lengths
        entries += 1
    return entries


def _what_else(head: bytes) -> str:
    if head[:4] == b"PK\3\4":
        return "is a zip file without its end: the download or the copy was cut off"
    known = next((kind for magic, kind in _OTHER_ARCHIVES.items() if head.startswith(magic)), None)
    if known is None and head[_TAR_MAGIC] == b"ustar":
        known = "a tar archive"
    return f"is {known}; allowed: a zip file or a folder" if known else "is not a zip file"


def _list(archive: zipfile.ZipFile, file: BinaryIO, title: str) -> Listing:
    members = archive.infolist()
    if len(members) > MAX_FILES:
        raise _too_many(title)
    names = _names(members)
    lock = threading.Lock()  # one file position is shared by all threads
    entries: list[Entry] = []
    folders: set[Parts] = set()
    seen: dict[str, str] = {}
    for member, name in zip(members, names, strict=True):
        parts = _checked(member, name, title)
        if is_litter(parts):
            continue
        folders.update(parts[:depth] for depth in range(1, len(parts)))
        if len(folders) > _MOST_FOLDERS:
            raise _fault(title, f"holds too many folders; allowed: at most {_MOST_FOLDERS:,}")
        if member.is_dir() or name.endswith(("/", "\\")):
            folders.add(parts)
            continue
        if (other := seen.setdefault(folded(parts), name)) is not name:
            raise _fault(title, f"holds two entries of one name: {shown(other)} and {shown(name)}")
        entries.append(Entry(parts, member.file_size, _Reader(archive, member, lock)))
    above = {folded(folder) for folder in folders}
    if both := next((name for key, name in seen.items() if key in above), None):
        raise _fault(title, f"is refused: the entry {shown(both)} is a file and a folder at once")
    _check_sizes(members, file, title)
    return Listing("zip", title, tuple(entries), frozenset(folders))


class _Reader:
    """Reads the start of one member. zipfile's count of open members is not safe among threads, hence the lock."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, lock: threading.Lock) -> None:
        self._archive, self._member, self._lock = archive, member, lock

    def __call__(self, limit: int) -> bytes:
        try:
            with self._lock, self._archive.open(self._member) as file:
                # Asked for more than an entry states, zipfile unpacks that much before it cuts it off.
                return file.read(min(limit, self._member.file_size))
        except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, struct.error) as error:
            raise Unreadable(f"is damaged inside the archive ({error or type(error).__name__})") from error


def _checked(member: zipfile.ZipInfo, name: str, title: str) -> Parts:
    try:
        parts = safe_parts(name)
    except ValueError as error:
        raise _fault(title, f"is refused: the entry {shown(name)} {error}") from None
    kind = stat.S_IFMT(member.external_attr >> 16)
    reason = None
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = "is a link" if kind == stat.S_IFLNK else "is a device, not a file"
    elif member.external_attr & _REPARSE_POINT and member.create_system in _WINDOWS:
        reason = "is a link"
    elif member.flag_bits & _ENCRYPTED_FLAGS:
        reason = "is protected by a password"
    elif member.flag_bits & _PATCH_FLAG:
        reason = "is a patch of another file"
    elif member.compress_type not in _METHODS:
        method = _METHOD_NAMES.get(member.compress_type, f"method {member.compress_type}")
        reason = f"is compressed by {method}; allowed: deflate (the ordinary method) or none"
    if reason:
        raise _fault(title, f"is refused: the entry {shown(name)} {reason}")
    return parts


def _check_sizes(members: list[zipfile.ZipInfo], file: BinaryIO, title: str) -> None:
    """Limits on what comes out. zipfile never gives more bytes than a member states, so the stated sizes bind."""
    unpacked = sum(member.file_size for member in members)
    packed = file.seek(0, os.SEEK_END)
    if unpacked > MAX_TOTAL_BYTES:
        raise _fault(title, f"unpacks to {megabytes(unpacked)}; allowed: at most {megabytes(MAX_TOTAL_BYTES)}")
    if unpacked > RATIO_FREE_BYTES and unpacked > MAX_RATIO * packed:
        raise _fault(
            title, f"would unpack to {unpacked // max(1, packed)} times its size; allowed: at most {MAX_RATIO} times"
        )
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise _fault(title, f"is refused: the entry {shown(member.filename)} overlaps another one")
        # The local header's extra field is not counted: what is left still cannot share its data with another entry.
        end = member.header_offset + _LOCAL_BYTES + len(member.orig_filename) + member.compress_size


def _names(members: list[zipfile.ZipInfo]) -> list[str]:
    """The entries' names as their author wrote them.

    Names without the UTF-8 flag carry no encoding. All of an archive's are read alike: as UTF-8 (macOS, some
    Windows tools), else as GBK (Chinese Windows), else as the format's own cp437.
    """
    unflagged = [_raw(member) for member in members if not _is_plain(member)]
    encoding = next((tried for tried in ("utf-8", "gbk") if _all_decode(unflagged, tried)), "cp437")
    return [
        _unicode_path(member) or (member.orig_filename if _is_plain(member) else _raw(member).decode(encoding))
        for member in members
    ]


def _is_plain(member: zipfile.ZipInfo) -> bool:
    """Whether the name is read alike by everybody: it bears the flag, or holds ASCII alone."""
    return bool(member.flag_bits & _UTF8_FLAG) or member.orig_filename.isascii()


def _raw(member: zipfile.ZipInfo) -> bytes:
    return member.orig_filename.encode("cp437")  # undoes what zipfile did to a name without the flag


def _all_decode(names: list[bytes], encoding: str) -> bool:
    try:
        for name in names:
            name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _unicode_path(member: zipfile.ZipInfo) -> str | None:
    """The name in the Info-ZIP Unicode Path extra field, where one stands and belongs to this name."""
    extra = b"" if member.flag_bits & _UTF8_FLAG else member.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            (checksum,) = struct.unpack_from("<L", field, 1)
            if checksum == zlib.crc32(_raw(member)):
                try:
                    return field[5:].decode("utf-8")
                except UnicodeDecodeError:
                    return None
    return None
