"""Where a lab lies on disk. Every room takes a `Home`; none of them builds a path of its own from text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folders and files of one lab below `root`."""

    root: Path

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def cache(self) -> Path:
        """Decoded images; may be deleted at any time when nothing runs."""
        return self.root / "cache"

    @property
    def answers(self) -> Path:
        """Answers of the helper process that are kept; may be deleted at any time."""
        return self.cache / "answers"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def imports(self) -> Path:
        """One JSON file an import: its progress and its outcome."""
        return self.root / "imports"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def settings(self) -> Path:
        """What the lab's keeper set; there only where somebody wrote it."""
        return self.root / "lab.toml"

    @property
    def disk(self) -> Path:
        """What the lab took of the disk when it was measured last; may be deleted at any time."""
        return self.root / "disk.json"

    @property
    def queue(self) -> Path:
        return self.root / "queue.sqlite"

    @property
    def supervisor_lock(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "supervisor.log"

    @property
    def helper_log(self) -> Path:
        return self.root / "helper.log"

    def ensure(self) -> Home:
        """Makes the folders that are missing and returns itself."""
        for folder in (self.datasets, self.cache, self.uploads, self.imports, self.runs):
            folder.mkdir(parents=True, exist_ok=True)
        return self


def lab_home() -> Home:
    """The lab named by the environment variable LRLAB_HOME, else ~/.lrlab."""
    named = os.environ.get("LRLAB_HOME")
    return Home(Path(named).expanduser().resolve() if named else Path.home() / ".lrlab").ensure()
