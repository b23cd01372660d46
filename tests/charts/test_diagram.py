"""The drawing of a network: a solid for each block, to scale, with words below and behind it, in the page's colours."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest

from lrlab.charts import diagram
from lrlab.charts.diagram import COLOURS, SHORT
from lrlab.experiments import Block, Model, Summary

SVG = "{http://www.w3.org/2000/svg}"


def block(name: str, kind: str, *shape: int, parameters: int = 0, skips: bool = False) -> Block:
    return Block(name=name, kind=kind, shape=shape, parameters=parameters, multiply_adds=0, skips=skips)


RESIDUAL = Summary(
    model=Model(name="resnet18"),
    num_classes=4,
    image_size=224,
    layers=(),
    blocks=(
        block("conv1", "convolution", 64, 56, 56, parameters=1_000),
        block("layer1.0", "residual block", 64, 56, 56, parameters=2_000, skips=True),
        block("layer1.1", "residual block", 64, 56, 56, parameters=2_000, skips=True),
        block("layer2.0", "residual block", 256, 14, 14, parameters=4_000, skips=True),
        block("fc", "linear layer", 4, parameters=1_000_000),
    ),
    parameters=1_009_000,
    trained=1_009_000,
    multiply_adds=0,
    activations=0,
)
TOKENS = RESIDUAL.model_copy(
    update={
        "model": Model(name="vit_b_16"),
        "blocks": (
            block("conv_proj", "convolution", 768, 14, 14, parameters=4_000),
            block("layer_0", "encoder block", 197, 768, parameters=502_500, skips=True),
            block("layer_1", "encoder block", 197, 768, parameters=502_500, skips=True),
        ),
    }
)


def parts(summary: Summary) -> list[ElementTree.Element]:
    return ElementTree.fromstring(diagram(summary)).findall(f"{SVG}g")


def front(part: ElementTree.Element) -> tuple[float, float, float, float]:
    rect = part.find(f"{SVG}rect")
    assert rect is not None
    x, y, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
    return x, y, width, height


def words(summary: Summary) -> list[str]:
    return [str(text.text) for text in ElementTree.fromstring(diagram(summary)).findall(f"{SVG}text")]


def test_a_solid_for_the_picture_and_for_each_block_from_left_to_right() -> None:
    found = parts(RESIDUAL)
    assert len(found) == 1 + len(RESIDUAL.blocks)
    assert [part.attrib["fill"] for part in found[1:]] == [COLOURS[block.kind] for block in RESIDUAL.blocks]
    lefts = [front(part)[0] for part in found]
    assert lefts == sorted(lefts)


def test_heights_and_widths_are_to_scale() -> None:
    picture, conv1, first, _, last, _ = (front(part) for part in parts(RESIDUAL))
    assert conv1[3] / picture[3] == pytest.approx(math.sqrt(56 / 224), abs=0.01)
    assert last[3] / picture[3] == pytest.approx(math.sqrt(14 / 224), abs=0.01)
    # Beside the least thickness, 256 channels are twice as thick as 64.
    thin = 2 * conv1[2] - last[2]
    assert 0 < thin < conv1[2] / 2
    assert first[2] == conv1[2]


def test_everything_stands_in_the_drawing_and_on_one_axis() -> None:
    for summary in (RESIDUAL, TOKENS):
        root = ElementTree.fromstring(diagram(summary))
        _, _, width, height = (float(value) for value in root.attrib["viewBox"].split())
        fronts = [front(part) for part in root.findall(f"{SVG}g")]
        assert len({round(y + tall / 2) for _, y, _, tall in fronts}) == 1
        assert all(x >= 0 and x + wide <= width and y >= 0 and y + tall <= height for x, y, wide, tall in fronts)
        for text in root.findall(f"{SVG}text"):
            assert 0 < float(text.attrib["y"]) < height
            half = 3.5 * len(str(text.text))
            assert half < float(text.attrib["x"]) < width - half


def test_groups_are_told_below() -> None:
    assert words(RESIDUAL) == [
        "picture", "224 px", "RGB",
        "conv", "56 px, 64 ch", "1.0 k, under 1 %",
        "2 × residual", "56 px, 64 ch", "4.0 k, under 1 %",
        "residual", "14 px, 256 ch", "4.0 k, under 1 %",
        "linear", "4 scores", "1.0 M, 99 %",
    ]  # fmt: skip
    assert words(TOKENS)[6:] == ["2 × encoder", "197 tokens, 768 ch", "1.0 M, 100 %"]


def test_blocks_tell_what_they_are() -> None:
    titles = [str(part.findtext(f"{SVG}title")) for part in parts(RESIDUAL)]
    assert titles[2] == "layer1.0: residual block, 64 x 56 x 56, 2,000 parameters"
    told = ElementTree.fromstring(diagram(RESIDUAL)).attrib["aria-label"]
    assert told == ("ResNet-18: a picture of 224 px, convolution, 3 x residual block, linear layer; 1.0 M parameters")


def test_an_arc_where_a_block_skips() -> None:
    arcs = [sum("C" in path.attrib["d"] for path in part.findall(f"{SVG}path")) for part in parts(RESIDUAL)]
    assert arcs == [0, 0, 1, 1, 1, 0]


def test_letters_and_lines_take_the_pages_colour() -> None:
    drawn = diagram(RESIDUAL)
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn))
    assert colours == {"currentColor", "none", "#fff", "#000", "#8D99A6", *(COLOURS[b.kind] for b in RESIDUAL.blocks)}


def test_every_kind_has_a_colour_and_a_word() -> None:
    assert set(COLOURS) == set(SHORT)
