"""What every engine of the comparison is told, and what it tells: one recipe, JSON in and out.

The peers' scripts run in environments that hold no lrlab, so nothing here may need it; the network comes out of its one
file, by path.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType

MEAN, STD = (0.5,) * 3, (0.25,) * 3


@dataclass(frozen=True)
class Recipe:
    """A training on the images below `folder`, one folder a class: shorter side to `side`, a random crop of
    `image_size`, mirrored or not; Adam with StepLR. `held_out`: the files to validate on, relative to `folder`.

    `workers` and `channels_last` are what an engine may be set to without training anything else.
    """

    folder: str
    held_out: tuple[str, ...]
    network: str
    """The file that holds `SmallCNN`."""
    epochs: int
    seed: int
    workers: int = 0
    channels_last: bool = False
    image_size: int = 64
    side: int = 72
    batch_size: int = 32
    lr: float = 0.001
    step_size: int = 5
    gamma: float = 0.5

    def build(self, classes: int) -> object:
        """The network, its weights drawn from torch's generator."""
        return _module(self.network).SmallCNN(classes, self.image_size)

    def is_held_out(self, path: Path | str) -> bool:
        return Path(path).relative_to(self.folder).as_posix() in self._held_out

    @cached_property
    def _held_out(self) -> frozenset[str]:
        return frozenset(self.held_out)


@dataclass
class Epoch:
    """Times are unix seconds: when it began, when its last update was made, when it had been validated. `images` it
    trained on; `accuracy` on those held out, 0 to 1."""

    began: float
    trained: float = 0.0
    ended: float = 0.0
    images: int = 0
    accuracy: float = 0.0


@dataclass
class Told:
    """What an engine has done; `ready`: when its libraries were there and nothing else."""

    version: str = ""
    ready: float = field(default_factory=time.time)
    epochs: list[Epoch] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Told:
        values = json.loads(path.read_text())
        return cls(values["version"], values["ready"], [Epoch(**epoch) for epoch in values["epochs"]])

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def given() -> tuple[Recipe, Path]:
    """The recipe in the file that the command line names first, and where to tell, the second."""
    values = json.loads(Path(sys.argv[1]).read_text())
    return Recipe(**{**values, "held_out": tuple(values["held_out"])}), Path(sys.argv[2])


def _module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("network", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
