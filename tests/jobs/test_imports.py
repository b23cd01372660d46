"""Imports in a process of their own: every end they can come to, and what is left then."""

from __future__ import annotations

import io
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from filelock import FileLock, Timeout
from PIL import Image

from lrlab.datasets import SAMPLE_NAME, Sample, Upload, add_dataset, begin_upload, list_datasets, load_dataset
from lrlab.errors import LabError, NotFound
from lrlab.files import write_json
from lrlab.home import Home
from lrlab.jobs import (
    ImportStatus,
    cancel_import,
    import_status,
    importing,
    imports,
    run_import,
    running_imports,
    start_import,
)
from lrlab.jobs.importing import turns
from lrlab.process import Identity, find, identity

LONGEST = 60.0  # seconds, for a machine that does much else


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def _ended(home: Home, import_id: str) -> ImportStatus:
    _until(lambda: import_status(home, import_id).ended)
    return import_status(home, import_id)


def _owner(home: Home, import_id: str) -> psutil.Process:
    owner = find(Identity.model_validate_json((home.imports / f"{import_id}.process.json").read_bytes()))
    assert owner
    return owner


def _archive(paths: str = "A/1.png A/2.png B/1.png B/2.png") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for seed, path in enumerate(paths.split()):
            pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            image = io.BytesIO()
            Image.fromarray(pixels).save(image, "PNG")
            archive.writestr(path, image.getvalue())
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "made.zip"
    path.write_bytes(_archive())
    return path


def _upload(home: Home) -> Upload:
    content = _archive()
    upload = begin_upload(home, "made", [("made.zip", len(content))])
    with upload.receive(0) as file:
        file.write(content)
    return upload


@contextmanager
def _held_at_the_end(home: Home) -> Iterator[None]:
    """Keeps imports from publishing: they wait for this lock with everything else done."""
    with FileLock(home.datasets / ".lock"):
        yield


def _waits_at_the_end(home: Home, import_id: str) -> bool:
    return any(home.datasets.glob(".partial-*/refused.parquet"))


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """start_import writes its request and starts no process; the test runs it here."""
    monkeypatch.setattr(imports, "_spawn", lambda home, import_id: None)


def test_an_import_runs_on_its_own_and_tells_its_end(home: Home, archive: Path) -> None:
    import_id = start_import(home, archive, "made")
    assert not import_status(home, import_id).ended or load_dataset(home, "made")
    status = _ended(home, import_id)
    assert (status.state, status.error, status.dataset) == ("succeeded", None, "made"), status
    dataset = load_dataset(home, "made")
    assert status.dataset_id == dataset.id
    assert len(dataset) == 4
    assert running_imports(home) == []


def test_a_killed_import_is_lost_and_its_remains_are_swept(home: Home, archive: Path) -> None:
    with _held_at_the_end(home):
        import_id = start_import(home, archive, "made")
        _until(lambda: _waits_at_the_end(home, import_id))
        assert [status.id for status in running_imports(home)] == [import_id]
        _owner(home, import_id).kill()
        status = _ended(home, import_id)
    assert status.state == "lost"
    assert "ended unexpectedly" in str(status.error)
    assert list_datasets(home) == []
    add_dataset(home, archive, "made")
    assert not list(home.datasets.glob(".partial-*"))


def test_an_import_that_does_not_listen_is_ended_when_asked_again(home: Home, archive: Path) -> None:
    with _held_at_the_end(home):
        import_id = start_import(home, archive, "made")
        _until(lambda: _waits_at_the_end(home, import_id))
        for _ in range(2):  # a second wish at once changes nothing
            cancel_import(home, import_id)
            assert not import_status(home, import_id).ended
        wish = home.imports / f"{import_id}.cancel"
        os.utime(wish, (0, 0))
        cancel_import(home, import_id)
        status = _ended(home, import_id)
    assert (status.state, status.error) == ("cancelled", None)
    assert list_datasets(home) == []


def test_the_process_is_in_a_session_of_its_own(home: Home, archive: Path) -> None:
    with _held_at_the_end(home):
        import_id = start_import(home, archive, "made")
        owner = _owner(home, import_id)
        assert os.getsid(owner.pid) == owner.pid != os.getsid(0)
        assert owner.nice() >= 5  # the pages go first
    assert _ended(home, import_id).state == "succeeded"


def test_as_many_as_allowed_are_at_work_and_the_next_waits_for_one_of_them(home: Home, archive: Path) -> None:
    with ExitStack() as busy:
        first, *others = turns(home)
        for turn in others:
            busy.enter_context(turn)
        with first:
            waiting, unwanted = (start_import(home, archive, name) for name in ("made", "unwanted"))
            for import_id in (waiting, unwanted):
                _until(lambda: import_status(home, import_id).what == "Waiting for another import")  # noqa: B023
            cancel_import(home, unwanted)
            assert _ended(home, unwanted).state == "cancelled"
            assert import_status(home, waiting).state == "running"
        assert _ended(home, waiting).state == "succeeded"


@pytest.mark.usefixtures("unstarted")
def test_an_error_that_looks_like_a_busy_lock_is_not_waited_out(
    home: Home, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise Timeout("some.lock")

    import_id = start_import(home, archive, "made")
    monkeypatch.setattr(importing, "add_dataset", busy)
    with pytest.raises(Timeout):
        run_import(home, import_id)
    assert import_status(home, import_id).state == "failed"


@pytest.mark.usefixtures("unstarted")
def test_a_cancelled_import_leaves_nothing(home: Home, archive: Path) -> None:
    import_id = start_import(home, archive, "made")
    cancel_import(home, import_id)
    assert run_import(home, import_id) == 1
    assert import_status(home, import_id).state == "cancelled"
    assert not [path for path in home.datasets.iterdir() if path.name != ".lock"]
    cancel_import(home, import_id)


@pytest.mark.usefixtures("unstarted")
def test_a_refused_source_fails_with_the_sentence_and_its_field(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    path.write_bytes(_archive("A/1.png A/2.png"))
    import_id = start_import(home, path, "made")
    assert run_import(home, import_id) == 1
    status = import_status(home, import_id)
    assert (status.state, status.field) == ("failed", "source")
    assert status.error == "one.zip holds images of one class only, 'A'; at least two are needed"


@pytest.mark.usefixtures("unstarted")
def test_a_name_taken_meanwhile_fails_with_its_field(home: Home, archive: Path) -> None:
    import_id = start_import(home, archive, "made")
    add_dataset(home, archive, "made")
    assert run_import(home, import_id) == 1
    assert import_status(home, import_id).field == "name"


@pytest.mark.usefixtures("unstarted")
def test_a_fault_of_ours_is_told_and_raised_for_the_log(
    home: Home, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought")

    import_id = start_import(home, archive, "made")
    monkeypatch.setattr(importing, "add_dataset", broken)
    with pytest.raises(ZeroDivisionError):
        run_import(home, import_id)
    status = import_status(home, import_id)
    assert (status.state, status.error) == ("failed", "the import broke off: ZeroDivisionError: by nought")


@pytest.mark.usefixtures("unstarted")
@pytest.mark.parametrize("outcome", ["succeeded", "failed", "cancelled"])
def test_an_upload_is_gone_after_its_import(home: Home, outcome: str, archive: Path) -> None:
    upload = _upload(home)
    import_id = start_import(home, upload, "made")
    if outcome == "failed":
        add_dataset(home, archive, "made")
    if outcome == "cancelled":
        cancel_import(home, import_id)
    run_import(home, import_id)
    assert import_status(home, import_id).state == outcome
    assert list(home.uploads.iterdir()) == []


@pytest.mark.usefixtures("unstarted")
def test_the_sample_set_is_imported_by_its_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRAIN_IMAGES", "VAL_IMAGES"):
        monkeypatch.setattr(f"lrlab.datasets.sample.{name}", 24)
    import_id = start_import(home, Sample(), SAMPLE_NAME)
    assert run_import(home, import_id) == 0
    assert load_dataset(home, SAMPLE_NAME).source == "sample"


@pytest.mark.usefixtures("unstarted")
def test_progress_is_written_while_it_runs(home: Home, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_REPORT_SECONDS", 0.0)
    seen: list[tuple[str, int, int]] = []
    write = importing.write

    def spy(home: Home, status: ImportStatus) -> None:
        write(home, status)
        seen.append((status.what, status.done, status.total))

    for module in (imports, importing):
        monkeypatch.setattr(module, "write", spy)
    run_import(home, start_import(home, archive, "made"))
    checked = [(done, total) for what, done, total in seen if what == "Checking images"]
    assert checked == [(done, 4) for done in range(5)]
    assert seen[0][0] == "Starting" and seen[-1][0] == "Done"


AT_ONCE = {
    "name": lambda home, archive: (archive, "a/b"),
    "source": lambda home, archive: (archive.with_name("nothing.zip"), "made"),
    "source ": lambda home, archive: (begin_upload(home, "made", [("a", 5)]), "made"),
}


@pytest.mark.parametrize("field", AT_ONCE)
def test_what_cannot_be_right_is_refused_before_a_process_starts(home: Home, archive: Path, field: str) -> None:
    source, name = AT_ONCE[field](home, archive)
    with pytest.raises(LabError) as caught:
        start_import(home, source, name)
    assert caught.value.field == field.strip()
    assert list(home.imports.iterdir()) == []


@pytest.mark.usefixtures("unstarted")
def test_an_import_that_was_never_started_is_lost_in_the_end(
    home: Home, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = start_import(home, archive, "made")
    assert import_status(home, import_id).state == "running"
    monkeypatch.setattr(imports, "_START_SECONDS", -1.0)
    assert import_status(home, import_id).state == "lost"


@pytest.mark.usefixtures("unstarted")
@pytest.mark.parametrize("suffix", ["json", "process.json", "request.json"])
@pytest.mark.parametrize("torn", [b"", b'{"id": "', b"\0" * 300], ids=["empty", "cut", "zeros"])
def test_a_file_that_a_power_cut_tore_loses_its_import_and_no_other(
    home: Home, archive: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, torn: bytes
) -> None:
    cut, other = (start_import(home, archive, name) for name in ("cut", "other"))
    dead = psutil.Popen([sys.executable, "-S", "-c", "pass"])
    write_json(home.imports / f"{cut}.process.json", identity(dead.pid).model_dump())
    dead.wait()
    (home.imports / f"{cut}.{suffix}").write_bytes(torn)
    if suffix == "process.json":  # nobody knows who it was, so it is waited for
        monkeypatch.setattr(imports, "_START_SECONDS", -1.0)
        write_json(home.imports / f"{other}.process.json", identity().model_dump())
    assert [status.id for status in running_imports(home)] == [other]
    assert import_status(home, cut).state == "lost"
    assert import_status(home, cut).error
    cancel_import(home, cut)


@pytest.mark.usefixtures("unstarted")
def test_an_import_is_carried_out_once(home: Home, archive: Path) -> None:
    import_id = start_import(home, archive, "made")
    run_import(home, import_id)
    with pytest.raises(LabError, match="already ended"):
        run_import(home, import_id)


@pytest.mark.parametrize("bad", ["", "..", "../imports/x", "/etc/passwd", "nosuchid", "a" * 40])
def test_only_ids_reach_the_disk(home: Home, bad: str) -> None:
    for ask in (import_status, cancel_import, run_import):
        with pytest.raises(NotFound, match="there is no import"):
            ask(home, bad)


@pytest.mark.usefixtures("unstarted")
def test_old_outcomes_are_swept(home: Home, archive: Path) -> None:
    old = start_import(home, archive, "old")
    for file in home.imports.iterdir():
        os.utime(file, (0, 0))
    new = start_import(home, archive, "new")
    assert {file.name.partition(".")[0] for file in home.imports.iterdir()} == {new}
    with pytest.raises(NotFound):
        import_status(home, old)
