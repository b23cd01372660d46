"""The house rules hold: style, types, import directions, and the two commands that README promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

START = "python3 -m venv .venv && .venv/bin/pip install -q -r requirements.txt && .venv/bin/streamlit run app.py"
TEST = "python3 -m venv .venv && .venv/bin/pip install -q -r tests/requirements.txt && .venv/bin/python -m pytest"

CHECKS = {
    "ruff check": [sys.executable, "-m", "ruff", "check"],
    "ruff format": [sys.executable, "-m", "ruff", "format", "--check"],
    "mypy --strict": [sys.executable, "-m", "mypy", "--strict"],
    "lint-imports": [str(BIN / "lint-imports")],
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_finds_nothing(check: str) -> None:
    done = subprocess.run(CHECKS[check], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [START, TEST])
def test_readme_gives_the_commands(command: str) -> None:
    lines = [line.strip().strip("`") for line in (PROJECT / "README.md").read_text().splitlines()]
    assert command in lines


def test_continuous_integration_runs_readmes_test_command() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    pattern = re.search(r"grep -m 1 -o '([^']+)' README\.md", script.read_text())
    assert pattern
    found = re.findall(pattern[1], (PROJECT / "README.md").read_text())
    assert found[:1] == [TEST]


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt"])
def test_requirements_have_floors_and_nothing_else(name: str) -> None:
    lines = [line for line in (PROJECT / name).read_text().splitlines() if line and line[0] not in "#-"]
    assert lines
    names = [line.partition(">=")[0] for line in lines]
    assert names == sorted(set(names))
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+>=\d+\.\d+", line), line
