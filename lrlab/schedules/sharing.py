"""A composition as a short link, and back: "1." and the base64 of a checksum and the deflated JSON.

Links live in notes and slides for years, so everything that a link of version 1 depends on is frozen here: the words
with which the compressor starts and the values that are left out. What ever must change gets a version of its own.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydantic_core
from pydantic import ValidationError

from lrlab.errors import LabError, from_validation, shown
from lrlab.schedules.composition import Composition

Values = Mapping[str, Any]

VERSION = "1"
QUERY = "schedule"
"""The name under which a page's address holds a link."""

MAX_CHARACTERS = 12_000
"""The longest link: what browsers and servers take as an address for certain."""

MAX_BYTES = 200_000
"""The longest JSON that a link may unfold to."""

WORDS = (
    b'"momentum":{"anneal_strategy":"linear","three_phase":true,"cycle_momentum":false,"base_momentum":0.85,'
    b'"max_momentum":0.95,"final_div_factor":10000.0,"div_factor":25.0,"pct_start":0.25,"mode":"triangular2",'
    b'"mode":"exp_range","step_size_down":null,"step_size_up":2000,"threshold_mode":"abs","threshold":0.0001,'
    b'"mode":"max","cooldown":1,"min_lr":1e-06,"eps":1e-08,"patience":5,"factor":0.5,{"kind":"logged","run":"'
    b'"metric":{"kind":"synthetic","start":2.0,"floor":0.4,"speed":0.3,"noise":0.0,"seed":1},'
    b'"groups":[{"name":"backbone","multiplier":0.1},{"name":"head","lr":0.001}],'
    b'{"name":"LambdaLR","table":{"points":[[0.0,1.0],[0.0,0.1],[20.0,0.01]],"interpolation":"step","scale":"log"}},'
    b'{"name":"MultiplicativeLR","formula":"{"name":"LambdaLR","formula":"min(1, (step + 1) / 500)'
    b'(1 + cos(pi * t)) / 2 if epoch < 5 else 0.1 * 0.65 ** epoch"}}}'
    b'{"name":"ReduceLROnPlateau","factor":0.5,"patience":3}{"name":"CyclicLR","base_lr":0.0001,"max_lr":0.01,'
    b'{"name":"OneCycleLR","max_lr":0.01,"total_steps":600,"epochs":20,"steps_per_epoch":30'
    b'{"name":"CosineAnnealingWarmRestarts","T_0":10,"T_mult":2,"eta_min":1e-05}'
    b'{"name":"PolynomialLR","total_iters":20,"power":2.0}{"name":"ExponentialLR","gamma":0.95}'
    b'{"name":"MultiStepLR","milestones":[30,60,90],"gamma":0.1}{"name":"Fixed"}'
    b'{"name":"ConstantLR","factor":0.1,"total_iters":5},{"name":"ChainedScheduler","schedulers":['
    b'{"name":"SequentialLR","schedulers":[{"name":"LinearLR","start_factor":0.01,"end_factor":0.1,"total_iters":3},'
    b'{"name":"CosineAnnealingLR","T_max":17,"eta_min":1e-05}],"milestones":[3]}'
    b'"warmup":{"length":3,"unit":"step","start_factor":0.0}}}'
    b'{"lr":0.0001,"lr":0.001,"lr":0.01,"lr":0.1,"epochs":100,"epochs":90,"epochs":10,"steps_per_epoch":1000,'
    b'"schedule":{"interval":"step","scheduler":{"name":"StepLR","step_size":5,"gamma":0.5}}}'
)
"""Version 1: the compressor starts as if it had just seen this; what is common stands last. Never change a byte."""

METRIC = {"kind": "synthetic", "start": 2.0, "floor": 0.4, "speed": 0.4, "noise": 0.02, "seed": 0}

DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "composition": {"lr": 0.001, "epochs": 20, "steps_per_epoch": 30, "groups": [], "metric": METRIC},
        "schedule": {"interval": "epoch"},
        "warmup": {"unit": "epoch", "start_factor": 0.1},
        "metric": METRIC,
        "table": {"interpolation": "linear", "scale": "linear"},
        "StepLR": {"gamma": 0.1},
        "MultiStepLR": {"gamma": 0.1},
        "CosineAnnealingLR": {"eta_min": 0.0},
        "CosineAnnealingWarmRestarts": {"T_mult": 1, "eta_min": 0.0},
        "PolynomialLR": {"total_iters": 5, "power": 1.0},
        "LinearLR": {"start_factor": 1 / 3, "end_factor": 1.0, "total_iters": 5},
        "ConstantLR": {"factor": 1 / 3, "total_iters": 5},
        "CyclicLR": {
            "step_size_up": 2000, "mode": "triangular", "gamma": 1.0, "cycle_momentum": True, "base_momentum": 0.8,
            "max_momentum": 0.9,
        },
        "OneCycleLR": {
            "pct_start": 0.3, "anneal_strategy": "cos", "cycle_momentum": True, "base_momentum": 0.85,
            "max_momentum": 0.95, "div_factor": 25.0, "final_div_factor": 1e4, "three_phase": False,
        },
        "ReduceLROnPlateau": {
            "mode": "min", "factor": 0.1, "patience": 10, "threshold": 1e-4, "threshold_mode": "rel", "cooldown": 0,
            "min_lr": 0.0, "eps": 1e-8,
        },
    }
)  # fmt: skip
"""Version 1: what is left out of a link means this, whatever the spec's own defaults have become. Never change one."""


def to_link(composition: Composition) -> str:
    """`composition` as text of letters, digits, ".", "-" and "_", some 40 characters for a scheduler.

    Raises LabError for one that is too long for an address (hundreds of milestones or points).
    """
    packed = base64.urlsafe_b64encode(_packed(composition)).rstrip(b"=")
    link = f"{VERSION}.{packed.decode('ascii')}"
    if len(link) > MAX_CHARACTERS:
        raise LabError(
            f"link: this schedule would take {len(link):,} characters, allowed: at most {MAX_CHARACTERS:,}; "
            "hand it on as JSON",
            field="link",
        )
    return link


def from_link(text: str) -> Composition:
    """The composition in `text`: a link, a page's address that holds one, or the JSON of a composition.

    It is legal in each of its values; whether torch would raise during the run is known by its `curve()`. Raises
    LabError for anything else, whatever it is: nothing is unfolded beyond a bound, nothing is executed.
    """
    if len(text) > 3 * MAX_BYTES:  # a character of JSON may take three in an address
        raise _too_long(text)
    text = _from_address(text.strip())
    # What addresses held at first was bare JSON.
    values = _read_json(text.encode("utf-8", "replace")) if text.startswith("{") else _unpacked(text)
    try:
        return Composition.model_validate(values)
    except ValidationError as error:
        raise from_validation(error) from error


def _from_address(text: str) -> str:
    if text.startswith("{") or "?" not in text:
        return text
    try:
        found = parse_qs(urlsplit(text).query, max_num_fields=50).get(QUERY)
    except ValueError as error:
        raise LabError(f"link: {shown(text)} is no address", field="link") from error
    if not found:
        raise LabError(f"link: the address {shown(text)} holds no schedule ({QUERY}=...)", field="link")
    return found[0]


def _packed(composition: Composition) -> bytes:
    values = composition.model_dump(mode="json", exclude_none=True)
    text = json.dumps(_changed(values, _without), ensure_ascii=False, separators=(",", ":")).encode()
    if len(text) > MAX_BYTES:
        raise LabError(
            f"link: this schedule is {len(text):,} bytes of JSON, allowed: at most {MAX_BYTES:,}", field="link"
        )
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, WORDS)
    return _checksum(text) + packer.compress(text) + packer.flush()


def _unpacked(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise _too_long(text)
    version, point, packed = text.partition(".")
    if not point or not re.fullmatch("[0-9]{1,4}", version, re.ASCII):
        raise LabError(f"link: {shown(text)} is no link to a schedule; one begins with {VERSION}.", field="link")
    if version != VERSION:
        raise LabError(
            f"link: got version {version}, allowed: {VERSION}; it was made by a newer lrlab than this one", field="link"
        )
    if not re.fullmatch("[A-Za-z0-9_-]+", packed, re.ASCII):
        raise _broken("it holds a character that no link has")
    try:
        content = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    except binascii.Error as error:
        raise _broken("its length is impossible") from error
    unpacker = zlib.decompressobj(-15, WORDS)
    try:
        unfolded = unpacker.decompress(content[2:], MAX_BYTES)
    except zlib.error as error:
        raise _broken("it does not unfold") from error
    if unpacker.unconsumed_tail:
        raise LabError(f"link: it unfolds to more than {MAX_BYTES:,} bytes, which no schedule needs", field="link")
    if not unpacker.eof or unpacker.unused_data or _checksum(unfolded) != content[:2]:
        raise _broken("its end is missing or a character was changed")
    return _changed(_read_json(unfolded), _with)


def _read_json(content: bytes) -> Any:
    if len(content) > MAX_BYTES:
        raise LabError(f"link: got {len(content):,} bytes of JSON, allowed: at most {MAX_BYTES:,}", field="link")
    try:
        return pydantic_core.from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise LabError(f"link: it holds no JSON that can be read ({error})", field="link") from error


def _checksum(content: bytes) -> bytes:
    """Two bytes, so that a link with a wrong character is refused instead of showing another curve."""
    return (zlib.crc32(content) & 0xFFFF).to_bytes(2, "big")


def _broken(why: str) -> LabError:
    return LabError(f"link: it is broken ({why}); copy the whole of it once more", field="link")


def _too_long(text: str) -> LabError:
    return LabError(f"link: got {len(text):,} characters, allowed: at most {MAX_CHARACTERS:,}", field="link")


def _changed(value: Any, change: Callable[[Values, Values], Values], place: str = "composition") -> Any:
    """`value`, which stands under the key `place`, with `change` made in every object that DEFAULTS know."""
    if isinstance(value, list):
        return [_changed(item, change, place) for item in value]
    if not isinstance(value, dict) or place == "groups":
        return value
    known = DEFAULTS.get(str(value.get("name")) if place in ("scheduler", "schedulers") else place, {})
    return {key: _changed(inner, change, key) for key, inner in change(value, known).items()}


def _without(value: Values, known: Values) -> Values:
    return {key: inner for key, inner in value.items() if key not in known or inner != known[key]}


def _with(value: Values, known: Values) -> Values:
    # Another metric than the invented one has values of its own.
    return value if value.get("kind") == "logged" else {**known, **value}
