"""Archives that unpack to far more than they are: each is answered at once, in little memory, and leaves nothing.

Every bomb is taken in by a process of its own, a copy of a small one that has taken in nothing but a few images: so
its time is its own, and no memory that was given back earlier hides what it takes. Time is the processor's, which a
machine that does much else does not change.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lrlab.datasets import MAX_FILES
from lrlab.home import Home
from tests.faults.zips import DEFLATED, Entry, archive, central, deflated, end, end64, local

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured as Linux tells it")

MOST_BYTES = 200 * 1024**2
SECONDS = 2.0
MB = 1024**2


def ratio() -> bytes:
    """One entry of 128 MB of zeros: deflate's own limit, a thousand to one."""
    return archive([Entry("A/zeros.png", bytes(128 * MB), DEFLATED)])


def many_zeros() -> bytes:
    """A thousand entries of 60 MB each, every one below the limit for one image."""
    packed = deflated(bytes(60 * MB))
    entry = Entry("", stored=packed, method=DEFLATED, size=60 * MB, crc=0)
    return archive([Entry(**{**vars(entry), "name": f"A/{n}.png"}) for n in range(200)])


def small_lie() -> bytes:
    """Entries that say 100 bytes and hold 100 MB: they are cut where they said they end."""
    packed = deflated(bytes(100 * MB))
    liars = [Entry(f"{'AB'[n % 2]}/{n}.png", stored=packed, method=DEFLATED, size=100, crc=0) for n in range(20)]
    return archive(liars)


def large_lie(size: int = 0xFFFFFFFE) -> bytes:
    """A few bytes that say they are 4 GB, ten times over."""
    return archive([Entry(f"A/{n}.png", b"x", size=size) for n in range(10)])


def larger_lie() -> bytes:
    """A zip64 size of 2 ** 62 bytes."""
    field = struct.pack("<HHQQ", 1, 16, 2**62, 1)
    return archive([Entry("A/1.png", b"x", size=0xFFFFFFFF, packed=0xFFFFFFFF, extra=field, version=45)])


def packed_lie() -> bytes:
    """Entries whose packed length reaches far beyond the archive's end."""
    return archive([Entry(f"A/{n}.png", b"x", packed=2**31, size=2**20) for n in range(4)])


def full_overlap() -> bytes:
    """A thousand names for one and the same packed data."""
    core = Entry("A/0000.png", bytes(10 * MB), DEFLATED)
    body = local(core)
    shared = {"method": DEFLATED, "stored": core.content(), "crc": 0, "size": 10 * MB}
    directory = b"".join(central(Entry(f"A/{n:04d}.png", **shared), 0) for n in range(1000))  # type: ignore[arg-type]
    return body + directory + end(1000, len(directory), len(body))


def quoted_overlap(count: int = 200) -> bytes:
    """Each entry's data begins with the next one's header, quoted in a stored deflate block: all share one kernel."""
    kernel = bytes(2 * MB)
    body = local(Entry(f"A/{count:05d}.png", kernel, DEFLATED))
    sizes, crcs, lengths = [len(deflated(kernel))], [zlib.crc32(kernel)], [len(kernel)]
    names, starts = [f"A/{count:05d}.png"], [0]
    for number in reversed(range(count)):
        header_bytes = 30 + len(names[-1])
        quote = struct.pack("<BHH", 0, header_bytes, header_bytes ^ 0xFFFF)
        content = body[:header_bytes]
        crcs.append(zlib.crc32(kernel, zlib.crc32(content)))
        lengths.append(lengths[-1] + header_bytes)
        sizes.append(sizes[-1] + 5 + header_bytes)
        name = f"A/{number:05d}.png"
        front = Entry(name, method=DEFLATED, crc=crcs[-1], packed=sizes[-1], size=lengths[-1], stored=quote)
        names.append(name)
        body = local(front) + body
        starts = [0, *(start + len(local(front)) for start in starts)]
    names.reverse()
    directory = b"".join(
        central(Entry(name, method=DEFLATED, crc=crc, packed=packed, size=length, stored=b""), at)
        for name, crc, packed, length, at in zip(names, crcs[::-1], sizes[::-1], lengths[::-1], starts, strict=True)
    )
    return body + directory + end(len(names), len(directory), len(body))


def nested(depth: int = 6) -> bytes:
    """Zips within zips; what is inside one is no image, whatever it is called."""
    inner = archive([Entry(f"A/{n}.png", bytes(4 * MB), DEFLATED) for n in range(10)])
    for level in range(depth):
        inner = archive([Entry(f"A/{level}-{n}.{('zip', 'png')[n % 2]}", inner, DEFLATED) for n in range(8)])
    return inner


def listed(count: int, stated: int, zip64: bool = True) -> bytes:
    """A directory of `count` entries without any data, whose end says there are `stated`."""
    directory = central(Entry("A", crc=0), 0) * count
    if zip64:
        return directory + end64(stated, len(directory), 0)
    return directory + end(stated & 0xFFFF, len(directory), 0)


def deep_folders() -> bytes:
    """Half as many entries as may be, each below 31 folders of its own: three million folders."""
    names = ("/".join([f"{n:x}", *"abcdefghijklmnopqrstuvwxyz01234"]) for n in range(MAX_FILES // 2))
    directory = b"".join(central(Entry(name, crc=0), 0) for name in names)
    return directory + end64(MAX_FILES // 2, len(directory), 0)


def long_fields() -> bytes:
    """Entries whose extra fields and comments are as long as they can be."""
    filler = struct.pack("<HH", 0x9999, 65000) + bytes(65000)
    directory = b"".join(central(Entry(f"A/{n}.png", crc=0, extra=filler, comment=bytes(65535)), 0) for n in range(480))
    return directory + end(480, len(directory), 0)


def wide_directory() -> bytes:
    """A directory of 100 MB."""
    return bytes(100 * MB) + end64(1000, 100 * MB, 0)


def long_names() -> bytes:
    """Names of 65,000 characters."""
    return archive([Entry("A/" + "n" * 65000 + f"{n}.png", b"x") for n in range(300)])


def sparse(path: Path) -> None:
    """8 GB of nothing before the directory; the file takes no room."""
    directory = central(Entry("A/1.png", b"x"), 0)
    with path.open("wb") as file:
        file.seek(8 * 1024**3)
        file.write(directory + end64(1, len(directory), 8 * 1024**3))


def png(width: int, height: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(chunk(*one) for one in chunks)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def of_images(*images: bytes) -> bytes:
    """Images in two classes, packed once more."""
    return archive([Entry(f"{'AB'[n % 2]}/{n}.png", data, DEFLATED) for n, data in enumerate(images)])


def gigapixels() -> bytes:
    """Pictures that say they have 10,000 million pixels."""
    return of_images(*[png(100_000, 100_000, zlib.compress(bytes(10 * MB), 9))] * 10)


def endless_rows() -> bytes:
    """Small pictures whose data unpacks to 100 MB each."""
    return of_images(*[png(8, 8, zlib.compress(bytes(100 * MB), 9))] * 4)


def text_chunks() -> bytes:
    """Pictures with compressed texts and colour profiles of 64 MB each."""
    text = b"Comment\0\0" + zlib.compress(bytes(64 * MB), 9)
    return of_images(*[png(8, 8, zlib.compress(bytes(200)), (b"zTXt", text), (b"iCCP", text))] * 4)


def bzip2() -> bytes:
    """45 MB of zeros in 45 bytes: methods that cannot be unpacked in bounded steps are not accepted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as made:
        made.writestr("A/1.png", bytes(45 * MB))
    return buffer.getvalue()


BOMBS: dict[str, tuple[Callable[[], bytes] | Callable[[Path], None], str]] = {
    "ratio": (ratio, "allowed: at most"),
    "many below the limit for one": (many_zeros, "times its size; allowed: at most 120 times"),
    "a small lie": (small_lie, "holds no image that could be read; 'A/0.png' is damaged inside the archive"),
    "a large lie": (large_lie, "unpacks to 40 GB; allowed: at most 16 GB"),
    "a larger lie": (larger_lie, "unpacks to"),
    "packed beyond the end": (packed_lie, "overlaps another one"),
    "full overlap": (full_overlap, "times its size"),
    "full overlap, few": (partial(quoted_overlap, 3), "overlaps another one"),
    "quoted overlap": (quoted_overlap, "times its size"),
    "nested": (nested, "holds no image"),
    "a million entries": (partial(listed, 1_000_000, 1_000_000), "too many files; allowed: at most 200,000"),
    "a million entries, one stated": (partial(listed, 1_000_000, 1), "too many files"),
    "a million entries, stated modulo 65,536": (partial(listed, 1_000_000, 1_000_000, False), "too many files"),
    "one entry, a milliard stated": (partial(listed, 1, 10**9), "too many files"),
    "deep folders": (deep_folders, "too many folders; allowed: at most 50,000"),
    "long fields": (long_fields, "overlaps another one"),
    "a wide directory": (wide_directory, "too many files"),
    "long names": (long_names, "is too long"),
    "8 GB of nothing": (sparse, "damaged inside the archive"),
    "gigapixels": (gigapixels, "pixels; allowed"),
    "endless rows": (endless_rows, "taken: 4 images"),
    "text chunks": (text_chunks, "is damaged: Decompressed data too large"),
    "bzip2": (bzip2, "is compressed by bzip2"),
}  # fmt: skip


TAKE_IN = """
import json, os, resource, sys, time
from pathlib import Path
from lrlab.datasets import add_dataset
from lrlab.errors import LabError
from lrlab.home import lab_home

def taken(path, name):
    try:
        return f"taken: {len(add_dataset(lab_home(), Path(path), name))} images"
    except LabError as error:
        return str(error)

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(taken(sys.argv[1], "images"), flush=True)  # what is imported at the first use is no bomb's doing
for line in sys.stdin:
    if os.fork():
        os.wait()
        print(flush=True)
        continue
    before, began = peak(), time.process_time()
    answer = taken(line.removesuffix("\\n"), "bomb")
    print(json.dumps([answer, time.process_time() - began, peak() - before]), end="", flush=True)
    os._exit(0)
"""


Measured = Callable[[Path], tuple[str, float, int]]


@pytest.fixture
def measured(home: Home, make_zip, contents) -> Iterator[Measured]:
    """What taking in an archive came to in a process of its own: the answer, its seconds, its memory above before."""
    images = make_zip(contents("A/1.png B/1.png"), "images.zip")
    command = [sys.executable, "-c", TAKE_IN, str(images)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "taken: 2 images\n"

        def measure(path: Path) -> tuple[str, float, int]:
            assert process.stdin and process.stdout
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            told = process.stdout.readline()
            assert told.strip(), "the process ended without an answer"
            answer, took, grown = json.loads(told)
            return answer, took, grown

        yield measure
        process.stdin.close()


def test_bombs_are_answered_at_once_in_little_memory(
    home: Home, measured: Measured, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    path = tmp_path / "bomb.zip"
    worst: dict[str, tuple[float, int]] = {}
    faults = []
    for name, (make, said) in BOMBS.items():
        if make is sparse:
            sparse(path)
        else:
            path.write_bytes(make())  # type: ignore[call-arg, arg-type]
        answer, took, grown = measured(path)
        worst[name] = (took, grown)
        print(f"{name:42} {took:6.2f} s  {grown / MB:+7.1f} MB  {answer[:110]}")
        if said not in answer:
            faults.append(f"{name}: {answer}")
        if took > SECONDS or grown > MOST_BYTES:
            faults.append(f"{name}: {took:.2f} s, {grown / MB:.0f} MB")
        for folder in home.datasets.iterdir():
            if folder.is_dir():
                assert not folder.name.startswith("."), name
                shutil.rmtree(folder)
    slowest, largest = (max(worst, key=lambda name, place=place: worst[name][place]) for place in (0, 1))
    figure(
        "zip bombs",
        f"{len(BOMBS)} bombs; the slowest answered within {worst[slowest][0]:.2f} s ({slowest}), "
        f"the largest took {worst[largest][1] / MB:.0f} MB ({largest})",
    )
    assert faults == []
    assert len(BOMBS) >= 20
