"""The fields of an Experiment beside model, optimiser and schedule: in words, and what a control for each covers.

The form, the command line's help and the documentation are made from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lrlab.schedules import Parameter


@dataclass(frozen=True)
class Section:
    """Fields that belong together: a title, one line on what they are for, and their dotted names."""

    title: str
    line: str
    fields: tuple[Parameter, ...]


def _switch(name: str, title: str, help: str) -> Parameter:
    return Parameter(name, title, "bool", False, help)


def _chance(name: str, title: str, start: float, help: str) -> Parameter:
    return Parameter(name, title, "float", start, help, min=0, max=1, step=0.05)


def _alpha(name: str, title: str, help: str) -> Parameter:
    return Parameter(name, title, "float", 0.0, help, min=0, max=2, step=0.1)


def _small(name: str, title: str, start: float, help: str, *, high: float = 1, zero: bool = True) -> Parameter:
    return Parameter(name, title, "float", start, help, min=1e-7, max=high, log=True, zero=zero)


_RUN = Section(
    "Run",
    "What is trained on, and for how long.",
    (
        Parameter(
            "name", "Name", "text", "", "What the run is called; left empty, it is named after its schedule.", max=120
        ),
        Parameter("dataset", "Data set", "text", "", "Name or id of a data set of this lab.", min=1, max=120),
        Parameter(
            "image_size", "Image size", "int", 64,
            "Side of the square that the model sees; twice the side costs about four times the time.",
            min=16, max=512, step=16, unit="pixels",
        ),
        Parameter(
            "batch_size", "Batch size", "int", 32,
            "Images that pass through the model together; at most the number of training images.",
            min=1, max=4096, step=1, unit="images",
        ),
        Parameter(
            "accumulate", "Accumulate", "int", 1,
            "So many batches make one optimiser update: the effect of a larger batch without its memory.",
            min=1, max=1024, step=1, unit="batches",
        ),
        Parameter(
            "epochs", "Epochs", "int", 20, "How many times the run goes through the training images.",
            min=1, max=10_000, step=1, unit="epochs",
        ),
        Parameter(
            "seed", "Seed", "int", 0,
            "Decides the first weights, the order of the images and the augmentation; "
            "the same seed gives the same run on the same machine.",
            min=0, max=2**32 - 1, step=1,
        ),
        Parameter(
            "validation.fraction", "Validation part", "float", 0.2,
            "The part of the training images held out to validate on, where the data set has no val/ folder.",
            min=0.01, max=0.99, step=0.01,
        ),
        Parameter(
            "validation.seed", "Validation seed", "int", 123, "Decides which images are held out.",
            min=0, max=2**32 - 1, step=1,
        ),
        Parameter(
            "device", "Device", "choice", "auto", "Where the run trains.",
            choices=(
                ("auto", "a GPU if there is one, else the CPU"),
                ("cpu", "CPU"),
                ("cuda", "NVIDIA GPU"),
                ("mps", "Apple GPU"),
            ),
        ),
        Parameter(
            "precision", "Precision", "choice", "auto",
            "What the model computes in; weights and updates stay float32. float16 needs an NVIDIA GPU.",
            choices=(
                ("auto", "bfloat16 where the device gains by it, else float32"),
                ("float32", "float32"),
                ("bfloat16", "bfloat16"),
                ("float16", "float16, with scaled gradients"),
            ),
        ),
    ),
)  # fmt: skip

_MODEL = Section(
    "Model",
    "How the network begins and is built.",
    (
        Parameter(
            "pretrained", "Pretrained weights", "choice", "none",
            "torchvision's weights, trained on ImageNet. They are read from torch's cache, or fetched once.",
            choices=(
                ("none", "none: the model begins with random weights"),
                ("frozen", "frozen: only the last layers are trained"),
                ("finetune", "finetune: everything is trained on"),
            ),
        ),
        Parameter(
            "init", "Initialisation", "choice", "default",
            "How the weights of convolutions and linear layers are drawn.",
            choices=(
                ("default", "the model's own"),
                ("xavier_uniform", "Xavier, uniform"),
                ("xavier_normal", "Xavier, normal"),
                ("kaiming_uniform", "Kaiming, uniform"),
                ("kaiming_normal", "Kaiming, normal"),
            ),
        ),
        Parameter(
            "model.dropout", "Dropout", "float", 0.5,
            "The probability with which an activation before the last layers (in a transformer: in every block) is "
            "left out in training.",
            min=0, max=0.95, step=0.05, optional="the model's own",
        ),
        Parameter(
            "model.batch_norm", "Batch norm", "bool", True, "Whether each convolution is followed by batch norm.",
            optional="the model's own",
        ),
    ),
)  # fmt: skip

_GROUPS = Section(
    "Layer-wise LRs",
    "Parameter groups with LRs of their own; the schedule moves them all.",
    (
        Parameter(
            "param_groups.by", "Groups", "choice", "none", "How the parameters are divided.",
            choices=(
                ("none", "none: one LR for all"),
                ("head", "backbone and head"),
                ("depth", "by depth, each stage slower than the one after it"),
                ("pattern", "by the names of the parameters"),
            ),
        ),
        Parameter(
            "param_groups.multiplier", "Backbone's multiplier", "float", 0.1,
            "The backbone's LR as a multiple of the head's.",
            min=1e-4, max=10, log=True, needs=("param_groups.by", "head"),
        ),
        Parameter(
            "param_groups.decay", "Decay by depth", "float", 0.7,
            "Each stage's LR as a multiple of that of the stage after it.",
            min=0.05, max=1, step=0.05, needs=("param_groups.by", "depth"),
        ),
        Parameter(
            "param_groups.groups", "Named groups", "groups", (),
            "Rows of name, pattern (such as features.* or *.bias), and a multiplier or an LR; "
            "the first pattern that fits a parameter's name takes it.",
            needs=("param_groups.by", "pattern"),
        ),
    ),
)  # fmt: skip

_LOSS = Section(
    "Regularisation",
    "What keeps a model from learning its pictures by heart. Weight decay stands with the optimiser.",
    (
        _small("regularization.l1", "L1", 0.0, "The loss gets this x the sum of |w|; 0 switches it off."),
        _small(
            "regularization.l2", "L2", 0.0,
            "The loss gets this x the sum of w^2; with L1 it is an elastic net. 0 switches it off.",
        ),
        Parameter(
            "regularization.label_smoothing", "Label smoothing", "float", 0.0,
            "The share of each label that is spread over all classes.", min=0, max=0.9, step=0.01,
        ),
        Parameter(
            "regularization.class_weights", "Class weights", "choice", "none",
            "Whether rare classes count more in the training loss.",
            choices=(("none", "every image counts the same"), ("balanced", "every class counts the same")),
        ),
    ),
)  # fmt: skip

_UPDATE = Section(
    "Gradient",
    "What happens to the gradient before an update.",
    (
        Parameter(
            "clip.by", "Clip gradients", "choice", "none", "Keeps single updates from going wild.",
            choices=(
                ("none", "no clipping"),
                ("norm", "by norm: all are scaled so that their norm is at most the limit"),
                ("value", "by value: each is cut to the limit"),
            ),
        ),
        Parameter(
            "clip.limit", "Limit", "float", 1.0, "The largest norm, or the largest value, of a gradient.",
            min=1e-4, max=1000, log=True,
        ),
        _switch("grad_norm", "Log the gradient norm", "Draws the norm of each gradient; clipping logs it anyway."),
        Parameter(
            "plateau_metric", "Plateau's metric", "choice", "auto", "What ReduceLROnPlateau watches.",
            choices=(
                ("auto", "validation loss with mode min, validation accuracy with mode max"),
                ("val_loss", "validation loss"),
                ("val_accuracy", "validation accuracy"),
                ("train_loss", "training loss"),
                ("train_accuracy", "training accuracy"),
            ),
        ),
    ),
)  # fmt: skip

_STOP = Section(
    "Early stopping",
    "Ends a run that gets no better; its best model is what is tested and kept.",
    (
        Parameter(
            "early_stopping.monitor", "Watch", "choice", "none", "What has to improve.",
            choices=(
                ("none", "nothing: the run goes to its end"),
                ("val_loss", "validation loss"),
                ("val_accuracy", "validation accuracy"),
            ),
        ),
        Parameter(
            "early_stopping.patience", "Patience", "int", 5, "So many epochs in a row may bring no improvement.",
            min=1, max=10_000, step=1, unit="epochs",
        ),
        Parameter(
            "early_stopping.min_delta", "Least improvement", "float", 0.0,
            "Only a gain above this counts: of loss, or of accuracy from 0 to 1.", min=1e-5, max=1, log=True, zero=True,
        ),
        Parameter(
            "early_stopping.start_from_epoch", "Starts at epoch", "int", 0,
            "Epochs before this one (counted from 0) are not looked at.", min=0, max=10_000, step=1,
        ),
    ),
)  # fmt: skip

_AUGMENT = Section(
    "Augmentation",
    "How a training image is changed each time it is seen. Validation sees the plain middle of each image.",
    (
        Parameter(
            "augment.crop", "Crop", "choice", "shift", "Which part of an image the model sees.",
            choices=(
                ("none", "none: the middle"),
                ("shift", "shift: a square at a random place"),
                ("resized", "resized: a random part, resized"),
            ),
        ),
        Parameter(
            "augment.scale", "Smallest part", "float", 0.5, "The smallest share of the area that a resized crop shows.",
            min=0.05, max=1, step=0.05, needs=("augment.crop", "resized"),
        ),
        _chance("augment.horizontal_flip", "Flip left to right", 0.5, "The probability of a mirrored image."),
        _chance("augment.vertical_flip", "Flip top to bottom", 0.0, "The probability of an image upside down."),
        Parameter(
            "augment.rotation", "Rotation", "float", 0.0, "Up to so many degrees either way.",
            min=0, max=180, step=5, unit="degrees",
        ),
        _chance("augment.brightness", "Brightness", 0.0, "By up to this share darker or brighter."),
        _chance("augment.contrast", "Contrast", 0.0, "By up to this share flatter or harsher."),
        _chance("augment.saturation", "Saturation", 0.0, "By up to this share paler or more colourful."),
        Parameter(
            "augment.hue", "Hue", "float", 0.0, "By up to this share of the colour circle.", min=0, max=0.5, step=0.05
        ),
        _chance("augment.erasing", "Random erasing", 0.0, "The probability that a rectangle is blotted out."),
        _alpha("augment.mixup", "Mixup", "Blends pairs of images and labels: alpha of a Beta distribution; 0 is off."),
        _alpha("augment.cutmix", "CutMix", "Pastes a part of an image into another, labels likewise: alpha; 0 is off."),
        Parameter(
            "augment.normalization", "Normalisation", "choice", "auto", "What pixel values are turned into.",
            choices=(
                ("auto", "ImageNet's for pretrained weights, else centred"),
                ("centred", "centred: (value / 255 - 0.5) / 0.25"),
                ("plain", "plain: 0 to 1"),
                ("dataset", "mean and deviation of the training images"),
                ("imagenet", "mean and deviation of ImageNet"),
            ),
        ),
    ),
)  # fmt: skip

SECTIONS: tuple[Section, ...] = (_RUN, _MODEL, _GROUPS, _LOSS, _UPDATE, _STOP, _AUGMENT)
"""Every field once, in the order of the documentation."""

FIELDS: Mapping[str, Parameter] = MappingProxyType(
    {field.name: field for section in SECTIONS for field in section.fields}
)
"""The fields beside model.name, optimizer and schedule by their dotted names. For a text, `min` and `max` are its
length; an optional field is None until it is set, and `start` is then what it is set to first."""
