"""An upload becomes one import, however often it is handed over, and is not lost where no process could be started."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import Upload, begin_upload, load_dataset
from lrlab.home import Home
from lrlab.jobs import cancel_import, handing_over, import_status, imports, start_import
from lrlab.jobs.detached import environment
from lrlab.jobs.import_files import read_process, write_process
from lrlab.process import Identity, identity, is_alive


@pytest.fixture
def upload(home: Home, tmp_path: Path) -> Upload:
    """Two classes of one picture each, all of which came."""
    for shade in (0, 255):
        Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(tmp_path / f"{shade}.png")
    contents = {f"{shade}/1.png": (tmp_path / f"{shade}.png").read_bytes() for shade in (0, 255)}
    made = begin_upload(home, "made", [(path, len(content)) for path, content in contents.items()])
    for number, content in enumerate(contents.values()):
        with made.receive(number) as file:
            file.write(content)
    return made


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """start_import writes its request and dies before it starts a process."""
    monkeypatch.setattr(imports, "_spawn", lambda home, import_id: None)


def refuse(*given: object, **options: object) -> None:
    raise OSError(errno.EAGAIN, "Resource temporarily unavailable")


def test_where_no_process_can_be_started_there_is_no_import(
    home: Home, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(OSError, match="temporarily"):
        patch.setattr(imports.subprocess, "Popen", refuse)
        start_import(home, upload, "made")
    assert list(home.imports.iterdir()) == []
    with handing_over(home, upload.id) as started:
        assert started is None
    upload.finish()  # every file is still there


def test_a_process_that_nobody_could_write_down_is_ended(
    home: Home, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Identity] = []

    def full(home: Home, import_id: str, owner: Identity) -> None:
        assert is_alive(owner)
        begun.append(owner)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(imports, "write_process", full)
    monkeypatch.setattr(imports, "COMMAND", [sys.executable, "-S", "-c", "import time; time.sleep(3600)"])
    with pytest.raises(OSError, match="No space"):
        start_import(home, upload, "made")
    assert [is_alive(owner) for owner in begun] == [False]
    assert list(home.imports.iterdir()) == []


def test_an_import_that_has_a_process_is_the_one(home: Home, upload: Upload, unstarted: None) -> None:
    import_id = start_import(home, upload, "made")
    write_process(home, import_id, identity())
    with handing_over(home, upload.id) as started:
        assert started == import_id


@pytest.mark.parametrize("settled", [False, True])
def test_an_upload_whose_server_died_on_the_way_is_handed_over_again(
    home: Home, upload: Upload, unstarted: None, monkeypatch: pytest.MonkeyPatch, settled: bool
) -> None:
    import_id = start_import(home, upload, "made")
    if settled:  # somebody looked after it was given up
        monkeypatch.setattr(imports, "_START_SECONDS", -1.0)
        assert import_status(home, import_id).state == "lost"
    with handing_over(home, upload.id) as started:
        assert started is None
        again = start_import(home, upload, "made")
    assert {path.name.partition(".")[0] for path in home.imports.iterdir()} == {again}


def test_a_cancelled_import_that_never_began_takes_its_upload_along(
    home: Home, upload: Upload, unstarted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = start_import(home, upload, "made")
    cancel_import(home, import_id)
    monkeypatch.setattr(imports, "_START_SECONDS", -1.0)
    assert import_status(home, import_id).state == "cancelled"
    assert list(home.uploads.iterdir()) == []


def test_a_process_whose_starter_was_killed_says_itself_who_it_is(home: Home, upload: Upload, unstarted: None) -> None:
    import_id = start_import(home, upload, "made")
    done = subprocess.Popen([*imports.COMMAND, import_id], env=environment(home))
    me = identity(done.pid)
    assert done.wait() == 0
    assert read_process(home, import_id) == me
    assert len(load_dataset(home, "made")) == 2
