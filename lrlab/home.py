"""Where a lab lies on disk. Every room takes a `Home`; none of them builds a path of its own from text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrlab.errors import LabError
from lrlab.files import read_json, write_json

FORMAT = 1
"""How a lab's folder is laid out. It grows where an older lrlab would misread what a newer one wrote.

Labs from before the mark existed have format 1. What is to be done about an earlier format belongs to `Home.ensure`.
"""


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
    def thumbnails(self) -> Path:
        """Thumbnails that were drawn; may be deleted at any time."""
        return self.cache / "thumbnails"

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

    @property
    def evaluation_log(self) -> Path:
        return self.root / "evaluation.log"

    @property
    def mark_file(self) -> Path:
        """The format of the lab, and whether a restore into it was broken off."""
        return self.root / "home.json"

    def mark(self, *, restoring: bool = False) -> None:
        """Writes the mark. While it says `restoring`, no lrlab opens the lab."""
        write_json(self.mark_file, {"format": FORMAT, **({"restoring": True} if restoring else {})})

    @property
    def format(self) -> int | None:
        """The format that the mark names: None where the lab has no mark, 0 where it is damaged."""
        mark = self._read_mark()
        if mark is None:
            return None
        found = mark.get("format")
        return found if isinstance(found, int) and found > 0 else 0

    @property
    def is_being_restored(self) -> bool:
        """Whether the mark says that a restore into the lab has not come to its end."""
        return (self._read_mark() or {}).get("restoring") is True

    def fault(self) -> str:
        """Why this lrlab may not open the lab, as far as its mark tells: a sentence, empty where it may."""
        found, where = self.format, f"the lab in {self.root}"
        if found == 0:
            return f"{where} has a damaged {self.mark_file.name}; repair it: python -m lrlab doctor"
        if found is not None and found > FORMAT:
            return f"{where} was written by a later lrlab (format {found}; this one knows {FORMAT}); update lrlab"
        if self.is_being_restored:
            return f"{where} is being restored; if that was broken off, finish it: python -m lrlab doctor"
        return ""

    def _read_mark(self) -> dict[str, Any] | None:
        try:
            mark = read_json(self.mark_file)
        except FileNotFoundError:
            return None
        except ValueError:
            return {}
        return mark if isinstance(mark, dict) else {}

    def ensure(self) -> Home:
        """Makes the folders that are missing and returns itself. LabError (field "home") where the mark forbids it."""
        if fault := self.fault():
            raise LabError(fault, field="home")
        for folder in (self.datasets, self.cache, self.uploads, self.imports, self.runs):
            folder.mkdir(parents=True, exist_ok=True)
        if not self.mark_file.exists():
            self.mark()
        return self


def named_home() -> Home:
    """The lab named by the environment variable LRLAB_HOME, else ~/.lrlab; nothing of it is read or made."""
    named = os.environ.get("LRLAB_HOME")
    return Home(Path(named).expanduser().resolve() if named else Path.home() / ".lrlab")


def lab_home() -> Home:
    """`named_home`, its folders made where they are missing; LabError where this lrlab may not open it."""
    return named_home().ensure()
