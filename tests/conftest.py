"""What every test may ask for: a lab of its own, and the real images where they lie beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrlab.home import Home, lab_home

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty lab in the test's own folder; LRLAB_HOME names it, so that processes the test starts use it too."""
    monkeypatch.setenv("LRLAB_HOME", str(tmp_path / "lab"))
    return lab_home()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the project; tests that need it are skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} is absent")
    return folder
