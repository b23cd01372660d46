"""An import runs in a process of its own, with bounds of memory and time; however it ends, it leaves all or nothing."""

from __future__ import annotations

import random
import re
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable

import psutil
import pytest

from lrlab.datasets import Upload, begin_upload, list_datasets
from lrlab.home import Home
from lrlab.jobs import ImportStatus, cancel_import, import_status, imports, start_import
from lrlab.process import Identity, find
from tests.faults.test_bombs import png
from tests.faults.zips import Entry, archive

Picture = Callable[..., bytes]
Until = Callable[[Callable[[], object]], None]

BOUNDED = """
import sys, time
import lrlab.jobs.bounds as bounds, lrlab.datasets.building as building
from lrlab.home import lab_home
from lrlab.datasets import parallel
from lrlab.jobs import import_process
parallel._MOST_THREADS = 2  # as many are under way however many cores the machine has
{changes}
sys.exit(import_process(lab_home(), sys.argv[1]))
"""
"""An import whose bounds, or whose decoder, are changed before it begins."""

HANGS = """
bounds.LONGEST_SILENCE = 1.0
real, seen = building.read_rgb, []
def read_rgb(data, at_least=None):
    seen.append(data)
    if len(seen) == 7:
        time.sleep(3600)
    return real(data, at_least)
building.read_rgb = read_rgb
"""
GROWS = """
bounds.limit_memory = lambda most: None
bounds.MOST_MEMORY = 100 * 1024**2
real, held = building.read_rgb, []
def read_rgb(data, at_least=None):
    held.append(bytearray(b"x") * (20 * 1024**2))
    time.sleep(0.1)
    return real(data, at_least)
building.read_rgb = read_rgb
"""
SLOW = """
bounds.LONGEST = 1.0
real = building.read_rgb
def read_rgb(data, at_least=None):
    time.sleep(0.1)
    return real(data, at_least)
building.read_rgb = read_rgb
"""
SMALL = "bounds.MOST_MEMORY = 300 * 1024**2; bounds._ROOM_PER_CORE = 0"


def bounded(monkeypatch: pytest.MonkeyPatch, changes: str) -> None:
    monkeypatch.setattr(imports, "COMMAND", [sys.executable, "-c", BOUNDED.format(changes=changes)])


def ended(home: Home, import_id: str, until: Until) -> ImportStatus:
    until(lambda: import_status(home, import_id).ended)
    return import_status(home, import_id)


def leftovers(home: Home) -> list[str]:
    """What is neither a data set nor the record of an import."""
    folders = [path.name for path in home.datasets.iterdir() if path.name.startswith(".") and path.name != ".lock"]
    return folders + [path.name for path in home.uploads.iterdir()]


@pytest.fixture
def sent(home: Home, picture: Picture) -> Callable[..., Upload]:
    """`sent(200)`: a finished upload of a zip with so many images in two classes."""
    data = [picture(seed, size=(64, 64)) for seed in range(8)]

    def send(images: int = 60, more: dict[str, bytes] | None = None) -> Upload:
        entries = [Entry(f"{'AB'[n % 2]}/{n}.png", data[n % 8]) for n in range(images)]
        content = archive([*entries, *(Entry(name, one) for name, one in (more or {}).items())])
        upload = begin_upload(home, "made", [("made.zip", len(content))])
        with upload.receive(0) as file:
            file.write(content)
        return upload

    return send


ENDS = {
    "no step for too long": (HANGS, r"stood still for 0\.0167 minutes at image \d+ of 60 or one of the next"),
    "too much memory": (GROWS, r"needed more than 0\.0977 GB of memory, the most allowed at image \d+ of 60"),
    "too long in all": (SLOW, r"took longer than 0\.0167 minutes, the most allowed at image \d+ of 60"),
}


@pytest.mark.parametrize(("changes", "said"), ENDS.values(), ids=ENDS)
def test_an_import_beyond_its_bounds_ends_itself_and_leaves_nothing(
    home: Home, sent: Callable[..., Upload], until: Until, monkeypatch: pytest.MonkeyPatch, changes: str, said: str
) -> None:
    bounded(monkeypatch, changes)
    status = ended(home, start_import(home, sent(), "made"), until)
    assert status.state == "failed"
    assert re.match(f"the import {said}", str(status.error)), status.error
    assert str(status.error).endswith("nothing of it was kept")
    assert status.field == "source"
    assert list_datasets(home) == []
    assert leftovers(home) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's address space")
def test_a_picture_that_needs_more_memory_than_there_is_is_refused_alone(
    home: Home, sent: Callable[..., Upload], until: Until, monkeypatch: pytest.MonkeyPatch,
    figure: Callable[[str, str], None],
) -> None:  # fmt: skip
    large = png(8000, 7999, zlib.compress(bytes(7999 * 24001), 1))
    bounded(monkeypatch, SMALL)
    status = ended(home, start_import(home, sent(10, {"A/large.png": large}), "made"), until)
    assert status.state == "succeeded", status.error
    (dataset,) = list_datasets(home)
    assert len(dataset) == 10
    assert [(one.name, one.reason) for one in dataset.refused] == [("A/large.png", "needs more memory than there is")]
    figure("an import's memory and time", "4 ways to exceed them, each ended or refused in words, nothing left")


@pytest.mark.timeout(3600)
def test_imports_that_are_killed_or_cancelled_at_any_moment_leave_nothing(
    home: Home, sent: Callable[..., Upload], until: Until, monkeypatch: pytest.MonkeyPatch, long: bool,
    figure: Callable[[str, str], None],
) -> None:  # fmt: skip
    draw = random.Random(5)
    bounded(monkeypatch, SLOW.replace("= 1.0", "= 1e9").replace("0.1", "0.02"))
    rounds = 100 if long else 8
    outcomes: Counter[str] = Counter()
    for number in range(rounds):
        import_id = start_import(home, sent(), f"made {number}")
        # from before it has begun to its last image; waiting on its progress instead of a clock
        moment = draw.choice([0, 1, 20, 59])
        until(lambda i=import_id, m=moment: import_status(home, i).done >= m or import_status(home, i).ended)
        if number % 2:
            cancel_import(home, import_id)
        else:
            process = find(Identity.model_validate_json((home.imports / f"{import_id}.process.json").read_bytes()))
            time.sleep(draw.random() / 50)
            if process:
                process.kill()
                psutil.wait_procs([process], timeout=30)
        status = ended(home, import_id, until)
        outcomes[status.state] += 1
        there = [dataset.name for dataset in list_datasets(home)]
        assert (f"made {number}" in there) == (status.state == "succeeded"), status
        until(lambda: leftovers(home) == [])
    assert outcomes["lost"] > 0
    assert outcomes["cancelled"] > 0
    figure("killed and cancelled imports", f"{rounds} imports: {dict(outcomes)}; 0 files left")
