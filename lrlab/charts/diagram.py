"""A network as a drawing: its blocks to scale, from the picture to the scores, as an SVG that takes the page's colours.

Height stands for the side of a map, thickness for its channels. Both grow with the root of what they stand for (224 px
are drawn twice as high as 56), since no page has room for 224 beside 7.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from lrlab.charts.figure import PALETTE
from lrlab.experiments import MODELS, Block, Summary

COLOURS = {
    "convolution": PALETTE[0],
    "residual block": PALETTE[2],
    "bottleneck block": PALETTE[2],
    "inverted residual block": PALETTE[1],
    "fire module": PALETTE[4],
    "encoder block": PALETTE[6],
    "linear layer": PALETTE[3],
}
"""By kind of block; the same in every drawing."""

SHORT = {
    "convolution": "conv",
    "residual block": "residual",
    "bottleneck block": "bottleneck",
    "inverted residual block": "inverted",
    "fire module": "fire",
    "encoder block": "encoder",
    "linear layer": "linear",
}

HIGHEST, LOWEST = 170.0, 14.0
"""Pixels of the picture's side, and of the smallest map's."""

SLANT = (0.3, 0.2)
"""How far a solid reaches to the right and up behind its front, as parts of its height."""

SLICE, GAP, EDGE = 5.0, 34.0, 12.0
"""Pixels between blocks of a group, between groups, and around everything."""

FONT, LINE, CHARACTER = 14, 19, 7.6
"""Size of the letters, distance of the lines, and about how wide a letter is."""


@dataclass(frozen=True)
class _Solid:
    """One block as it is drawn: `width` x `height` of its front, and how deep it is as a part of the height."""

    block: Block
    width: float
    height: float
    deep: bool

    @property
    def slant(self) -> tuple[float, float]:
        return (SLANT[0] * self.height, SLANT[1] * self.height) if self.deep else (0.0, 0.0)


@dataclass(frozen=True)
class _Group:
    """Blocks of one kind and one side, drawn close together above the same lines of text."""

    solids: tuple[_Solid, ...]
    lines: tuple[str, ...]

    @property
    def drawn_width(self) -> float:
        ends = []
        x = 0.0
        for solid in self.solids:
            ends.append(x + solid.width + solid.slant[0])
            x += solid.width + SLICE
        return max(ends)

    @property
    def width(self) -> float:
        return max(self.drawn_width, *(CHARACTER * len(line) for line in self.lines))


def diagram(summary: Summary) -> str:
    """The network of `summary` as an SVG: letters and lines take the page's colour (currentColor), which whoever shows
    it as an image replaces by a colour.

    It is as wide as it needs be, and shrinks with the page. Each block tells its name, shape and size when pointed at.
    """
    groups = [_picture(summary), *_groups(summary)]
    width = 2 * EDGE + sum(group.width for group in groups) + GAP * (len(groups) - 1)
    tallest = max(solid.height + solid.slant[1] for group in groups for solid in group.solids)
    # The middle of all fronts; the arc over a block that skips wants some room above it.
    axis = EDGE + tallest - HIGHEST / 2 + 16
    foot = axis + HIGHEST / 2 + 12
    height = foot + LINE * max(len(group.lines) for group in groups) + EDGE
    drawn: list[str] = []
    left = EDGE
    before: float | None = None
    for group in groups:
        start = left + (group.width - group.drawn_width) / 2
        if before is not None:
            drawn.append(_arrow(before, start, axis))
        drawn += _solids(group, start, axis)
        drawn += _text(group, left + group.width / 2, foot)
        before = start + group.drawn_width
        left += group.width + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(_told(summary), quote=True)}" '
        f'width="{width:.0f}" height="{height:.0f}" style="max-width: 100%; height: auto" '
        f'font-family="system-ui, sans-serif" font-size="{FONT}" fill="currentColor">{"".join(drawn)}</svg>'
    )


def _told(summary: Summary) -> str:
    """What is drawn, for those who do not see it."""
    parts = [f"{count} x {kind}" if count > 1 else kind for kind, count in _kinds(summary.blocks)]
    title = MODELS[summary.model.name].title
    return f"{title}: a picture of {summary.image_size} px, {', '.join(parts)}; {_short(summary.parameters)} parameters"


def _kinds(blocks: Sequence[Block]) -> Iterator[tuple[str, int]]:
    for kind, run in groupby(block.kind for block in blocks):
        yield kind, len(list(run))


def _picture(summary: Summary) -> _Group:
    """The picture itself, a sheet of three channels."""
    side = summary.image_size
    block = Block(name="picture", kind="picture", shape=(3, side, side), parameters=0, multiply_adds=0)
    return _Group((_Solid(block, _thickness(3), HIGHEST, deep=True),), ("picture", f"{side} px", "RGB"))


def _groups(summary: Summary) -> Iterator[_Group]:
    for (kind, _), run in groupby(summary.blocks, key=lambda block: (block.kind, _side(block))):
        blocks = tuple(run)
        share = sum(block.parameters for block in blocks)
        words = f"{len(blocks)} × {SHORT[kind]}" if len(blocks) > 1 else SHORT[kind]
        part = f"{100 * share / summary.parameters:.0f} %" if share * 200 >= summary.parameters else "under 1 %"
        lines = (words, _size(blocks), f"{_short(share)}, {part}")
        yield _Group(tuple(_solid(block, summary.image_size) for block in blocks), lines)


def _side(block: Block) -> int:
    """The side of the map that a block gives: tokens stand in a square, numbers in a row stand by themselves."""
    if len(block.shape) == 3:
        return block.shape[-1]
    return math.isqrt(block.shape[0]) if len(block.shape) == 2 else 0


def _solid(block: Block, image_size: int) -> _Solid:
    if len(block.shape) == 1:  # a bar, for numbers that have no place in the picture
        return _Solid(block, 9.0, LOWEST + 9 * math.log2(block.shape[0]), deep=False)
    channels = block.shape[0] if len(block.shape) == 3 else block.shape[1]
    height = max(LOWEST, HIGHEST * math.sqrt(_side(block) / image_size))
    return _Solid(block, _thickness(channels), height, deep=True)


def _thickness(channels: int) -> float:
    return 3 + 0.6 * math.sqrt(channels)


def _size(blocks: Sequence[Block]) -> str:
    shape = blocks[-1].shape
    if len(shape) == 1:
        return ", ".join(str(block.shape[0]) for block in blocks) if len(blocks) > 1 else f"{shape[0]} scores"
    if len(shape) == 2:
        return f"{shape[0]} tokens, {shape[1]} ch"
    widths = sorted({block.shape[0] for block in blocks})
    return f"{shape[-1]} px, {widths[0]}" + (f" to {widths[-1]} ch" if len(widths) > 1 else " ch")


def _short(count: int) -> str:
    """A count as it is read at a glance: 134.3 M."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return str(count)


def _solids(group: _Group, start: float, axis: float) -> Iterator[str]:
    x = start
    for solid in group.solids:
        yield _drawn(solid, x, axis)
        x += solid.width + SLICE


def _drawn(solid: _Solid, x: float, axis: float) -> str:
    """A front with a top and a side, and an arc over it where the input is added to what comes out."""
    block, (right, up) = solid.block, solid.slant
    top, bottom = axis - solid.height / 2, axis + solid.height / 2
    end = x + solid.width
    colour = COLOURS.get(block.kind, "#8D99A6")
    shape = " x ".join(map(str, block.shape))
    told = f"{block.name}: {block.kind}, {shape}" + (f", {block.parameters:,} parameters" if block.parameters else "")
    faces = [f'<rect x="{x:.1f}" y="{top:.1f}" width="{solid.width:.1f}" height="{solid.height:.1f}"/>']
    if solid.deep:
        upper = f"M{x:.1f} {top:.1f}l{right:.1f} {-up:.1f}h{solid.width:.1f}L{end:.1f} {top:.1f}z"
        side = f"M{end:.1f} {top:.1f}l{right:.1f} {-up:.1f}v{solid.height:.1f}L{end:.1f} {bottom:.1f}z"
        # Lit from above: the top is lighter than the front, the side darker, whatever the page's colour.
        faces.append(f'<path d="{upper}"/><path d="{upper}" fill="#fff" fill-opacity="0.35" stroke="none"/>')
        faces.append(f'<path d="{side}"/><path d="{side}" fill="#000" fill-opacity="0.25" stroke="none"/>')
    arc = ""
    if block.skips:
        from_x, to_x, over = x + right - SLICE / 2, end + right + SLICE / 2, top - up - 2
        arc = (
            f'<path d="M{from_x:.1f} {over:.1f}C{from_x:.1f} {over - 14:.1f} {to_x:.1f} {over - 14:.1f} '
            f'{to_x:.1f} {over:.1f}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>'
        )
    return (
        f'<g fill="{colour}" stroke="currentColor" stroke-opacity="0.45" stroke-width="0.75" stroke-linejoin="round">'
        f"<title>{escape(told)}</title>{''.join(faces)}{arc}</g>"
    )


def _arrow(start: float, end: float, axis: float) -> str:
    from_x, to_x = start + 4, end - 4
    return (
        f'<path d="M{from_x:.1f} {axis:.1f}H{to_x:.1f}m-5 -4l5 4l-5 4" fill="none" stroke="currentColor" '
        'stroke-opacity="0.5"/>'
    )


def _text(group: _Group, middle: float, foot: float) -> Iterator[str]:
    for number, line in enumerate(group.lines):
        weight = ' font-weight="600"' if number == 0 else ' fill-opacity="0.75"'
        y = foot + LINE * (number + 1) - 5
        yield f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle"{weight}>{escape(line)}</text>'
