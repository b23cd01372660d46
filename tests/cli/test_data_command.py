"""`data` takes images in, lists and shows them; nothing is left of what could not be taken in."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from lrlab.home import Home
from lrlab.jobs import ImportStatus, import_status, running_imports
from lrlab.jobs.importing import turns

from .conftest import Lrlab


def test_a_folder_is_added_listed_and_shown(lrlab: Lrlab, pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lights"
    shutil.copytree(pictures, folder)
    (folder / "dark" / "broken.png").write_bytes(b"no picture")
    assert lrlab("data", "list", "--json").json == []
    added = lrlab("data", "add", folder, "--name", "灯")
    assert (added.code, added.out.splitlines()[0]) == (0, "Added 灯: 2 classes, 24 images (24 train).")
    assert added.out.splitlines()[-1] == "1 files were not taken; python -m lrlab data show 灯 says why."
    assert "100 %  Done" in added.err

    (listed,) = lrlab("data", "list", "--json").json
    assert {key: listed[key] for key in ("name", "classes", "images", "train", "val", "test", "source")} == {
        "name": "灯", "classes": ["bright", "dark"], "images": 24, "train": 24, "val": 0, "test": 0, "source": "folder",
    }  # fmt: skip
    head, row = lrlab("data", "list").out.splitlines()
    assert head.split() == ["name", "id", "classes", "train", "val", "test", "from", "added"]
    assert row.split()[:7] == ["灯", listed["id"], "2", "24", "0", "0", "folder"]

    for name in ("灯", listed["id"]):
        shown = lrlab("data", "show", name, "--json").json
        assert shown["per_class"] == [
            {"class": "bright", "train": 12, "val": 0, "test": 0},
            {"class": "dark", "train": 12, "val": 0, "test": 0},
        ]
        assert [refusal["name"] for refusal in shown["refused"]] == ["dark/broken.png"]
        assert shown["sizes"]["median"] == [24, 24]
    text = lrlab("data", "show", "灯").out
    assert "sizes 24x24 to 24x24, median 24x24 pixels" in text
    assert "1 files were not taken:\n  dark/broken.png " in text


def test_the_name_of_a_folder_is_the_default(lrlab: Lrlab, pictures: Path) -> None:
    assert lrlab("data", "add", pictures).code == 0
    assert [one["name"] for one in lrlab("data", "list", "--json").json] == ["lights"]


def test_an_empty_lab_says_how_to_begin(lrlab: Lrlab) -> None:
    assert "data add PATH --name NAME" in lrlab("data", "list").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "source: there is no file or folder 'nowhere' on this machine"),
        (("README.md", "--name", "x"), "README.md"),
        (("one_class", "--name", "x"), "holds images of one class only, 'bright'; at least two are needed"),
        (("lights", "--name", " "), "--name: got an empty name"),
        (("lights", "--name", "a/b"), "name: got 'a/b', allowed: printable characters"),
        (("lights", "--sample"), "argument --sample: not allowed with argument PATH"),
        ((), "one of the arguments PATH --sample is required"),
    ],
)
def test_what_cannot_be_added_leaves_nothing(
    lrlab: Lrlab,
    home: Home,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    shutil.copytree(pictures, tmp_path / "lights")
    shutil.copytree(pictures / "bright", tmp_path / "one_class" / "bright")
    (tmp_path / "README.md").write_text("no zip")
    monkeypatch.chdir(tmp_path)
    done = lrlab("data", "add", *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert [path for path in home.datasets.iterdir() if path.is_dir()] == []


def test_a_data_set_is_taken_in_by_a_process_of_its_own_and_ctrl_c_cancels_it(
    lrlab: Lrlab, home: Home, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ImportStatus] = []

    def interrupt(seconds: float) -> None:
        if not seen:  # at the first look; then the command waits for the end
            seen.extend(running_imports(home))
            raise KeyboardInterrupt
        sleep(seconds)

    sleep = time.sleep
    with ExitStack() as busy:  # two other imports are at work, so that this one waits
        for turn in turns(home):
            busy.enter_context(turn)
        monkeypatch.setattr("lrlab.cli.data.time.sleep", interrupt)
        assert lrlab("data", "add", pictures).code == 130
    (started,) = seen
    assert started.state == "running"
    assert import_status(home, started.id).state == "cancelled"
    assert [path for path in home.datasets.iterdir() if path.is_dir()] == []


def test_an_unknown_data_set_is_named(lrlab: Lrlab) -> None:
    done = lrlab("data", "show", "../etc")
    assert done.code == 2
    assert "there is no data set '../etc'" in done.err
