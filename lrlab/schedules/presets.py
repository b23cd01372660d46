"""Every preset, in the order in which a person meets them: the source tutorials, then images, then text."""

from __future__ import annotations

from lrlab.schedules.preset import Preset
from lrlab.schedules.presets_images import IMAGES, TUTORIALS
from lrlab.schedules.presets_text import TEXT

PRESETS: tuple[Preset, ...] = (*TUTORIALS, *IMAGES, *TEXT)
