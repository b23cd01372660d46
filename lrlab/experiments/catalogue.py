"""Models, optimisers and the fields of an Experiment in words and ranges. All texts of the room stand here.

The form, the command line's help and the documentation are made from these. The ranges of FIELDS are the legal ones;
those of an optimiser's parameters are what a slider covers, and the Experiment may allow more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from lrlab.schedules import LR, Parameter

ExperimentField = Parameter


@dataclass(frozen=True)
class ModelEntry:
    """One network: what it is and when to use it."""

    name: str
    title: str
    line: str
    when: str


@dataclass(frozen=True)
class OptimizerEntry:
    """One optimiser: what it is, when to use it, and its parameters as torch names them (`lr` first)."""

    name: str
    line: str
    when: str
    parameters: tuple[ExperimentField, ...]


Entry = TypeVar("Entry", ModelEntry, OptimizerEntry, ExperimentField)


def _by_name(*entries: Entry) -> Mapping[str, Entry]:
    return MappingProxyType({entry.name: entry for entry in entries})


MODELS: Mapping[str, ModelEntry] = _by_name(
    ModelEntry(
        "small_cnn",
        "Small CNN",
        "A few convolution blocks, trained from nothing.",
        "For small pictures and for trying schedules: an epoch takes seconds, even without a GPU.",
    ),
    ModelEntry(
        "resnet18",
        "ResNet-18",
        "torchvision's residual network of 18 layers, trained from nothing.",
        "For thousands of pictures and a GPU; on a CPU an epoch is some twenty times slower than with the small CNN.",
    ),
)

_BETAS = ExperimentField(
    "betas", "betas", "list of float", (0.9, 0.999),
    "How slowly the two running means (of the gradient, of its square) forget.",
    min=0, max=0.999,
)  # fmt: skip

_EPS = ExperimentField(
    "eps", "eps", "float", 1e-8, "Added to the root of the second mean, so that nothing is divided by zero.",
    min=1e-12, max=0.1, log=True,
)  # fmt: skip


def _weight_decay(start: float, help: str) -> ExperimentField:
    return ExperimentField(
        "weight_decay", "weight_decay", "float", start, help, min=1e-6, max=1, log=True, zero=True
    )  # fmt: skip


_L2 = "Added to the gradient: this times each weight (L2 penalty); 0 switches it off."

OPTIMIZERS: Mapping[str, OptimizerEntry] = _by_name(
    OptimizerEntry(
        "SGD",
        "Stochastic gradient descent with momentum.",
        "Feels the schedule most, and with a good one often ends best. Wants an LR some ten to a hundred times Adam's.",
        (
            LR,
            ExperimentField(
                "momentum", "momentum", "float", 0.9,
                "The part of the last update that is carried into the next; 0 is plain gradient descent.",
                min=0, max=0.99, step=0.01,
            ),
            _weight_decay(0.0, _L2),
            ExperimentField(
                "nesterov", "nesterov", "bool", False, "Looks one step of momentum ahead; needs a momentum above 0."
            ),
        ),
    ),
    OptimizerEntry(
        "Adam",
        "Steps scaled for each weight by running means of its gradient and of the gradient's square.",
        "A safe first choice: 0.001 trains almost anything, and schedules still help.",
        (LR, _weight_decay(0.0, _L2), _BETAS, _EPS),
    ),
    OptimizerEntry(
        "AdamW",
        "Adam with weight decay kept apart from the gradient.",
        "Where weight decay matters: longer runs, larger networks, fine-tuning.",
        (
            LR,
            _weight_decay(0.01, "Each update shrinks the weights by LR x this; 0 switches it off."),
            _BETAS,
            _EPS,
        ),
    ),
)  # fmt: skip

FIELDS: Mapping[str, ExperimentField] = _by_name(
    ExperimentField(
        "name", "Name", "text", "", "What the run is called; left empty, it is named after its schedule.", max=120
    ),
    ExperimentField("dataset", "Data set", "text", "", "Name or id of a data set of this lab.", min=1, max=120),
    ExperimentField(
        "image_size", "Image size", "int", 64,
        "Side of the square that the model sees; twice the side costs about four times the time.",
        min=16, max=512, step=16, unit="pixels",
    ),
    ExperimentField(
        "batch_size", "Batch size", "int", 32, "Images per optimiser update; at most the number of training images.",
        min=1, max=4096, step=1, unit="images",
    ),
    ExperimentField(
        "epochs", "Epochs", "int", 20, "How many times the run goes through the training images.",
        min=1, max=10_000, step=1, unit="epochs",
    ),
    ExperimentField(
        "seed", "Seed", "int", 0,
        "Decides the first weights, the order of the images and the augmentation; "
        "the same seed gives the same run on the same machine.",
        min=0, max=2**32 - 1, step=1,
    ),
    ExperimentField(
        "validation.fraction", "Validation part", "float", 0.2,
        "The part of the training images held out to validate on, where the data set has no val/ folder of its own.",
        min=0.01, max=0.99, step=0.01,
    ),
    ExperimentField(
        "validation.seed", "Validation seed", "int", 123, "Decides which images are held out.",
        min=0, max=2**32 - 1, step=1,
    ),
    ExperimentField(
        "device", "Device", "choice", "auto", "Where the run trains.",
        choices=(
            ("auto", "a GPU if there is one, else the CPU"),
            ("cpu", "CPU"),
            ("cuda", "NVIDIA GPU"),
            ("mps", "Apple GPU"),
        ),
    ),
)  # fmt: skip
"""The fields beside model, optimizer and schedule by their dotted names; for a text, `min` and `max` are its length."""
