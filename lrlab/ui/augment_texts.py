"""The words of the pictures that show what augmentation does, in one place."""

from __future__ import annotations

SHOW = "Show what the model sees"
SHOW_HELP = "Some training images as they are, and as this run would see them in its first epochs."
OTHERS = "Other images"
FAULTY = "Once no setting is refused, the pictures are drawn."
DRAWING = "Drawing the pictures."
FIRST = "Drawing the pictures; the first time it takes some seconds."
ORIGINAL = "As it is"
SEEN = "As the model sees it"


def alternative(name: str, variant: int | None) -> str:
    """What stands for a picture that cannot be seen; `variant` counts from 1, None is the original."""
    return f"{name}, as it is" if variant is None else f"{name}, as seen in epoch {variant}"
