"""`status` and `clean`: what the lab does and keeps, for a person and for a program."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lrlab.home import Home
from lrlab.jobs.queue import Queue
from lrlab.runs import Run, update

from .conftest import Lrlab


@pytest.fixture
def waiting(home: Home, make_run: Callable[..., Run]) -> Callable[[str], Run]:
    """`waiting("a name")`: a run that waits in the queue."""

    def make(name: str) -> Run:
        run = make_run(name=name)
        update(run, state="queued", ended=None)
        with Queue(home) as queue:
            queue.add(run.id)
        return run

    return make


def test_an_empty_lab_says_so(lrlab: Lrlab, home: Home) -> None:
    done = lrlab("status")
    assert done.code == 0
    assert done.out.startswith(f"The lab in {home.root}\n")
    assert "Nothing is at work, nothing waits" in done.out
    assert "No process of the lab is at work" in done.out
    assert "0 bytes" in done.out


def test_runs_stand_in_the_order_of_the_queue(lrlab: Lrlab, waiting, make_run) -> None:
    first, second = waiting("first"), waiting("second")
    ended = make_run(name="ended")
    lines = [line.split() for line in lrlab("status").out.splitlines()]
    rows = [line for line in lines if {first.id, second.id, ended.id} & set(line)]
    assert rows == [
        ["waits", first.id, "first", "-", "place", "1"],
        ["waits", second.id, "second", "-", "place", "2"],
        ["ended", ended.id, "ended", "-", "succeeded"],
    ]


def test_json_tells_the_whole_of_it(lrlab: Lrlab, home: Home, waiting, make_run) -> None:
    run, ended = waiting("first"), make_run(name="ended")
    (home.cache / "c-36-v1.npy").write_bytes(bytes(100_000))
    told = lrlab("status", "--json").json
    assert (told["running"], told["waiting"], told["ended"]) == ([], [run.id], [ended.id])
    assert told["devices"][0]["kind"] == "cpu"
    assert 0 <= told["devices"][0]["load"] <= 1
    assert told["disk"]["cache"]["c-36-v1.npy"] == pytest.approx(100_000, abs=8192)
    assert told["disk"]["total"] >= 100_000
    assert set(told["disk"]["runs"]) == {run.id, ended.id}
    assert told["settings"]["limits"]["jobs_per_person"] == 100


def test_a_fault_in_the_settings_is_one_sentence(lrlab: Lrlab, home: Home) -> None:
    home.settings.write_text("[limits]\ndisk_gb = -1\n")
    done = lrlab("status")
    assert (done.code, done.err) == (2, "error: lab.toml: limits.disk_gb: got -1, allowed: above 0\n")


def test_clean_frees_the_caches_and_leaves_every_run(lrlab: Lrlab, home: Home, make_run) -> None:
    run = make_run()
    checkpoint = run.folder / "checkpoints" / "1-3.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(bytes(2048))
    (home.cache / "c-36-v1.npy").write_bytes(bytes(3 * 1024**2))
    done = lrlab("clean")
    assert (done.code, done.out.splitlines()[0]) == (0, "Caches: 3 MB freed")
    assert checkpoint.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "gone"), [(["--checkpoints"], 2, False), (["--checkpoints", "--yes"], 0, True)]
)
def test_checkpoints_go_only_where_somebody_said_so(
    lrlab: Lrlab, make_run, arguments: list[str], code: int, gone: bool
) -> None:
    run = make_run()
    checkpoint = run.folder / "checkpoints" / "1-3.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(bytes(2048))
    done = lrlab("clean", *arguments)
    assert done.code == code
    assert checkpoint.exists() is not gone
    assert ("give --yes to go on" in done.err) is not gone
