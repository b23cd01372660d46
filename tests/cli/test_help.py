"""Help comes at once, names every command that a person may use, and describes every setting from the catalogues."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lrlab.experiments import FIELDS, MODELS, OPTIMIZERS
from lrlab.schedules import CATALOGUE, RUN, WARMUP

from .conftest import Lrlab

COMMANDS = [
    ("schedule",), ("data",), ("data", "add"), ("data", "list"), ("data", "show"), ("find-lr",), ("train",), ("runs",),
    ("runs", "list"), ("runs", "show"), ("runs", "export"), ("runs", "stop"), ("runs", "rename"), ("runs", "delete"),
    ("runs", "retry"), ("supervise",),
    ("status",), ("clean",), ("compare",), ("evaluate",), ("predict",), ("models",), ("optimizers",), ("schedulers",),
    ("backup",), ("restore",), ("doctor",),
]  # fmt: skip
HEAVY = ("torch", "pandas", "plotly", "numpy", "streamlit", "pyarrow", "PIL")


def words(text: str) -> str:
    """`text` without its line breaks, which depend on the terminal's width."""
    return " ".join(text.split())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(lrlab: Lrlab, command: tuple[str, ...]) -> None:
    done = lrlab(*command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"usage: python -m lrlab {' '.join(command)}")


def test_the_overview_names_what_a_person_may_use(lrlab: Lrlab) -> None:
    listed = {line.split()[0] for line in lrlab("--help").out.splitlines() if line.startswith("    ")}
    assert listed >= {"schedule", "data", "find-lr", "train", "runs", "compare"}
    assert not listed & {"work", "import", "answer"}


def test_schedule_help_describes_the_whole_catalogue(lrlab: Lrlab) -> None:
    text = words(lrlab("schedule", "--help").out)
    for entry in CATALOGUE.values():
        assert f"{entry.name}: {entry.line}" in text
        for parameter in entry.parameters:
            assert f"{parameter.name}: {parameter.help}" in text
    for parameter in (*RUN, *WARMUP):
        assert parameter.help in text


def test_train_help_describes_the_whole_catalogue(lrlab: Lrlab) -> None:
    text = words(lrlab("train", "--help").out)
    for field in FIELDS.values():
        assert f"{field.name}: {field.help}" in text
    for entry in (MODELS | OPTIMIZERS).values():
        assert f"{entry.name}: {entry.line}" in text
    for optimizer in OPTIMIZERS.values():
        for parameter in optimizer.parameters:
            assert f"{parameter.name}: {parameter.help}" in text


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["data", "add", "--help"]])
def test_help_imports_nothing_slow(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom lrlab.cli import main\n"
        f"try:\n    main({arguments})\n"
        "except SystemExit:\n"
        f"    print('\\nheavy:', *(name for name in {HEAVY} if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy:"


@pytest.mark.parametrize("arguments", [(), ("runs",), ("data",), ("nothing",), ("runs", "lis"), ("compare",)])
def test_a_line_that_makes_no_sense_is_refused(lrlab: Lrlab, arguments: tuple[str, ...]) -> None:
    done = lrlab(*arguments)
    assert done.code == 2
    assert done.err.startswith("usage: ")
    assert done.out == ""
