"""What the lab takes of the disk, by what takes it, and whether there is room for more. No page ever waits for it.

A figure is measured by walking the lab's folders, in a thread where nobody wants to wait, and kept in a file, so that
every process of the lab has one at hand. It says when it was measured.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lrlab.errors import LabError
from lrlab.files import write_atomic
from lrlab.home import Home
from lrlab.settings import settings

GB = 1024**3

FRESH = 5.0
"""Seconds for which a figure is not measured anew, whoever looks at it."""

PART_OF_TIME = 50
"""And it is kept so many times as long as it took: measuring takes a fiftieth of the time, however large the lab is."""

_BLOCK = 512
"""Bytes that st_blocks counts in, on every system that has it."""


class DiskUse(BaseModel):
    """Bytes on the disk, by the names in each of the lab's folders; what is hidden there is left over from something.

    `checkpoints` are contained in `runs`: what goes with them, which the best model does not. `measured`: when, in unix
    seconds; `took`: seconds.
    """

    model_config = ConfigDict(frozen=True)

    datasets: dict[str, int]
    cache: dict[str, int]
    runs: dict[str, int]
    checkpoints: dict[str, int]
    uploads: dict[str, int]
    measured: float
    took: float

    @property
    def total(self) -> int:
        """All of it: what limits.disk_gb is about."""
        return sum(sum(part.values()) for part in (self.datasets, self.cache, self.runs, self.uploads))

    @property
    def stale(self) -> bool:
        """Whether it is time to measure anew; also where the clock was set back since."""
        return not 0 <= time.time() - self.measured < max(FRESH, PART_OF_TIME * self.took)


def measure(home: Home) -> DiskUse:
    """Walks the lab's folders and keeps the figure; some 10 microseconds a file."""
    began = time.monotonic()
    use = DiskUse(
        datasets=_by_name(home.datasets),
        cache=_by_name(home.cache),
        runs=_by_name(home.runs),
        checkpoints={
            run: size for run in _names(home.runs) if (size := _content(home.runs / run / "checkpoints", own=True))
        },
        uploads=_by_name(home.uploads),
        measured=time.time(),
        took=time.monotonic() - began,
    )
    with suppress(OSError):  # on a full disk the figure is still worth having
        write_atomic(home.disk, use.model_dump_json().encode(), sync=False)
    return use


def disk_use(home: Home) -> DiskUse | None:
    """The newest figure, at once; None before the first. A stale one is measured anew meanwhile."""
    use = _kept(home)
    if (use is None or use.stale) and not is_measuring(home):
        measure_soon(home)
    return use


def fresh_use(home: Home) -> DiskUse:
    """A figure that is not stale, measured now where there is none."""
    use = _kept(home)
    return measure(home) if use is None or use.stale else use


def measure_soon(home: Home) -> None:
    """Has the figure measured in a thread, since things have changed: where that is being done already, once more."""
    with _lock:
        again = home in _measuring
        _measuring[home] = again
    if not again:
        threading.Thread(target=_measure_until_settled, args=(home,), name="disk", daemon=True).start()


def is_measuring(home: Home) -> bool:
    """Whether this process is at it."""
    return home in _measuring


def check_room(home: Home, needed: int, what: str, field: str, *, wait: bool = True) -> None:
    """LabError (`field`) where `needed` more bytes go beyond limits.disk_gb, or beyond what the disk has free.

    `what` the room is for begins the sentence. Without a limit nothing is measured. With one, `wait` says whether a
    stale figure is measured anew first; without, the newest one has to do.
    """
    free = shutil.disk_usage(home.root).free
    if needed > free:
        raise LabError(f"{what}: needs {amount(needed)} on the lab's disk, where {amount(free)} are free", field=field)
    limit = settings(home).limits.disk_gb
    if limit is None:
        return
    use = fresh_use(home) if wait else disk_use(home)
    if use is not None and use.total + needed > limit * GB:
        raise LabError(
            f"{what}: needs {amount(needed)}, and the lab has {amount(use.total)} of its {limit:g} GB in use "
            "(disk_gb in lab.toml); the Lab page shows what takes it, and clears it",
            field=field,
        )


def amount(count: float) -> str:
    """`count` bytes as a person reads them, to three digits: "3.91 MB", "16 GB"."""
    for unit, size in (("TB", 1024**4), ("GB", GB), ("MB", 1024**2), ("kB", 1024)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 999.5 * size else f"{count / size:.0f} {unit}"
    return f"{count:.0f} bytes"


_measuring: dict[Home, bool] = {}
"""The labs that are being measured, and whether once more."""
_lock = threading.Lock()


def _measure_until_settled(home: Home) -> None:
    while True:
        try:
            measure(home)
        except BaseException:
            with _lock:
                _measuring.pop(home, None)
            raise
        with _lock:
            if not _measuring[home]:
                del _measuring[home]
                return
            _measuring[home] = False


def _kept(home: Home) -> DiskUse | None:
    try:
        return DiskUse.model_validate_json(home.disk.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _by_name(folder: Path) -> dict[str, int]:
    return {name: _size(folder / name) for name in _names(folder)}


def _size(path: Path) -> int:
    """Bytes on the disk of a file, or of a folder with everything in it; what is deleted meanwhile counts nothing."""
    with suppress(OSError):
        return _allocated(path.lstat()) + _content(path)
    return 0


def _content(folder: Path, *, own: bool = False) -> int:
    """Bytes on the disk of everything in a folder, none where it is a file or not there.

    A file with several names counts once; with `own` only where it has none elsewhere, so that it would go with the
    folder. A folder that may not be read (such as lost+found) is left out.
    """
    total, waiting = 0, [folder]
    named: Counter[tuple[int, int]] = Counter()
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    stat = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif stat.st_nlink > 1:
                        file = (stat.st_dev, stat.st_ino)
                        named[file] += 1
                        if named[file] != (stat.st_nlink if own else 1):
                            continue
                    total += _allocated(stat)
    return total


def _allocated(stat: os.stat_result) -> int:
    """What the disk gave: a small file takes a block, a file with holes less than its length."""
    blocks: int | None = getattr(stat, "st_blocks", None)  # Windows does not tell
    return stat.st_size if blocks is None else blocks * _BLOCK
