"""lab.toml: defaults without it, its values where it is there, and its faults named."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.settings import Followed, Settings, at_a_time, helper_idle, settings, supervisor_idle


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert settings(Home(tmp_path)) == Settings()


def test_what_the_file_sets_holds_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text('[limits]\ndisk_gb = 2.5\n[people]\nteachers = ["a@b.example"]\n')
    known = settings(Home(tmp_path))
    assert (known.limits.disk_gb, known.limits.upload_gb, known.people.teachers) == (2.5, 4, ("a@b.example",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[limits]\nimages = 1", "lab.toml: limits.images: got 1, allowed: at least 2"),
        ("[limits]\nupload_gb = 0", "lab.toml: limits.upload_gb: got 0, allowed: above 0"),
        ("[limits]\ndisk_gb = inf", "lab.toml: limits.disk_gb: got inf, allowed: "),
        ("[jobs]\nat_a_time = 'two'", "lab.toml: jobs.at_a_time: got 'two', allowed: a whole number"),
        ("[jobs]\nmany = 2", "lab.toml: jobs.many: is not a known setting (got 2)"),
        ("[limits\n", "lab.toml: "),
    ],
)
def test_a_fault_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "lab.toml").write_text(text)
    with pytest.raises(LabError) as raised:
        settings(Home(tmp_path))
    assert str(raised.value).startswith(said)


def test_the_file_is_parsed_once_for_each_state_that_it_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, file = [], tmp_path / "lab.toml"
    monkeypatch.setattr(tomllib, "loads", lambda text, real=tomllib.loads: parsed.append(text) or real(text))
    for number, teacher in enumerate(("ann@b.example", "ben@b.example", "b@b.example")):
        file.write_text(f'[people]\nteachers = ["{teacher}"]\n')
        os.utime(file, ns=(number, number))  # the first two differ in this alone, beside what they say
        assert [settings(Home(tmp_path)).people.teachers for _ in range(3)] == [(teacher,)] * 3
    assert len(parsed) == 3
    file.unlink()
    assert settings(Home(tmp_path)) == Settings()


@pytest.mark.parametrize(("given", "expected"), [("", 3), ("2", 2)])
def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: int
) -> None:
    (tmp_path / "lab.toml").write_text("[jobs]\nat_a_time = 3")
    monkeypatch.setenv("LRLAB_JOBS", given)
    assert at_a_time(Home(tmp_path)) == expected


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5"])
def test_an_environment_that_is_no_number_of_runs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("LRLAB_JOBS", given)
    with pytest.raises(LabError, match=f"LRLAB_JOBS: got '{given}', allowed: a whole number of at least 1"):
        at_a_time(Home(tmp_path))


@pytest.mark.parametrize(
    ("text", "given", "supervisor", "helper"),
    [
        ("", "", 900, 600),
        ("[jobs]\nidle_minutes = 2.5\nhelper_idle_minutes = 0", "", 150, 0),
        ("[jobs]\nidle_minutes = 2.5", "7.5", 7.5, 600),
        ("", "0", 0, 600),
    ],
)
def test_idle_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, given: str, supervisor: float, helper: float
) -> None:
    (tmp_path / "lab.toml").write_text(text)
    monkeypatch.setenv("LRLAB_IDLE_SECONDS", given)
    assert (supervisor_idle(Home(tmp_path)), helper_idle(Home(tmp_path))) == (supervisor, helper)


@pytest.mark.parametrize("given", ["-1", "soon", "nan"])
def test_an_environment_that_is_no_idle_time_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("LRLAB_IDLE_SECONDS", given)
    with pytest.raises(LabError, match=f"LRLAB_IDLE_SECONDS: got '{given}', allowed: a number of at least 0"):
        supervisor_idle(Home(tmp_path))


def test_what_is_followed_counts_at_once_and_a_fault_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("LRLAB_JOBS", raising=False)
    file, followed, told = tmp_path / "lab.toml", Followed(Home(tmp_path), at_a_time), []
    for number, text in enumerate(["", "[jobs]\nat_a_time = 3", "[jobs]\nat_a_time = 0", "[jobs", ""]):
        file.write_text(text)
        os.utime(file, (number, number))
        told.append([followed() for _ in range(2)])
    assert told == [[1, 1], [3, 3], [3, 3], [3, 3], [1, 1]]
    assert len(caplog.messages) == 2  # each fault once
    assert "jobs.at_a_time: got 0" in caplog.messages[0]
    file.write_text("[jobs")
    with pytest.raises(LabError):
        Followed(Home(tmp_path), at_a_time)
