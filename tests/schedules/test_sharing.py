"""A link gives back what it was made of, stays short, is read for ever, and is never taken on trust."""

from __future__ import annotations

import base64
import json
import os
import re
import tracemalloc
import zlib
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrlab.errors import LabError
from lrlab.schedules import PRESETS, Composition, from_link, sharing, to_link
from lrlab.schedules.composition import MAX_GROUPS
from tests.schedules import strategies

EXAMPLES = 2000 if os.environ.get("LRLAB_LONG") == "1" else 150


def composition(scheduler: Any = None, interval: str = "epoch", warmup: Any = None, **around: Any) -> Composition:
    schedule = {"interval": interval, "scheduler": scheduler or {"name": "Fixed"}, "warmup": warmup}
    return Composition.model_validate({**around, "schedule": schedule})


COSINE = {"name": "CosineAnnealingLR", "T_max": 17, "eta_min": 1e-5}
NEST = {
    "name": "SequentialLR",
    "milestones": [3, 10, 20],
    "schedulers": [
        {"name": "LinearLR", "start_factor": 0.013, "total_iters": 3},
        {"name": "LambdaLR", "formula": "1 - t if epoch < 3 else cos(t)"},
        {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 100, "three_phase": True, "pct_start": 0.44},
        {"name": "ExponentialLR", "gamma": 0.977},
    ],
}
LITERAL = {
    # Links as version 1 wrote them. They are out in the world: this test may grow, but none of it may change.
    "1.SPyrRjGXXFMA": Composition(),
    "1.9A6Du94I4Qhjc1TbsJpNceQa44lMrKWWoYKuQglyaWQMKY1ABVaJplItwXIBvVgAxwJKlWpigqWORzIYd-40N8dMUzrA2DQyiAVWNphJywgY9gA": (  # noqa: E501
        composition(NEST, "epoch", {"length": 2}, lr=0.02, epochs=37)
    ),
    "1.jXmDu94Y4QgTI1TbiDXbHGgeAA": composition({"name": "StepLR", "step_size": 7}, lr=0.03, epochs=42),
}


@pytest.mark.parametrize("link", LITERAL)
def test_links_of_version_1_are_read_for_ever(link: str) -> None:
    assert from_link(link) == LITERAL[link]


def test_what_version_1_rests_on_is_frozen() -> None:
    assert zlib.crc32(sharing.WORDS) == 2166028062
    defaults = {place: dict(values) for place, values in sharing.DEFAULTS.items()}
    assert zlib.crc32(json.dumps(defaults, sort_keys=True).encode()) == 1317400879


SHORT = {
    "the first one that a visitor sees": (Composition(), 20),
    "StepLR": (
        composition({"name": "StepLR", "step_size": 7, "gamma": 0.3}, lr=0.03, epochs=42, steps_per_epoch=391), 60,
    ),
    "per step with warm-up": (composition(COSINE, "step", {"length": 500, "unit": "step"}, lr=0.03, epochs=42), 70),
    "a formula": (composition({"name": "LambdaLR", "formula": "0.65 ** epoch"}), 40),
    "a nest of four": (composition(NEST, "epoch", {"length": 2}, lr=0.02, epochs=37), 200),
    "groups": (composition(COSINE, groups=[{"name": "body", "multiplier": 0.1}, {"name": "head", "lr": 0.2}]), 70),
    "a logged metric": (
        composition({"name": "ReduceLROnPlateau"}, metric={"kind": "logged", "run": "20260101-120000-abcd"}), 70,
    ),
    "a metric of one's own": (
        composition({"name": "ReduceLROnPlateau"}, metric={"kind": "synthetic", "speed": 0.1, "seed": 7}), 70,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHORT)
def test_it_is_short_and_comes_back(case: str) -> None:
    made, most = SHORT[case]
    link = to_link(made)
    assert from_link(link) == made
    assert len(link) <= most
    assert re.fullmatch(r"1\.[A-Za-z0-9_-]+", link)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_comes_back_from_a_short_link(preset: Any) -> None:
    link = to_link(preset.composition)
    assert from_link(link) == preset.composition
    assert len(link) < 120


groups = st.lists(
    st.tuples(st.text(min_size=1, max_size=60).filter(str.isprintable), st.floats(1e-6, 1000), st.booleans()),
    max_size=MAX_GROUPS,
    unique_by=lambda group: group[0],
).map(lambda found: [{"name": name, "lr" if own else "multiplier": value} for name, value, own in found])
schedulers = st.one_of(
    strategies.nested,
    strategies.sequential,
    strategies.chained,
    strategies.plateau.map(lambda values: {"name": "ReduceLROnPlateau", **values}),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    scheduler=schedulers,
    interval=st.sampled_from(["epoch", "step"]),
    warmup=st.one_of(st.none(), strategies.warmups),
    lr=strategies.rates_above_zero,
    epochs=st.integers(1, 2000),
    steps_per_epoch=st.integers(1, 500),
    groups=groups,
)
def test_any_composition_comes_back(scheduler: Any, interval: str, groups: Any, **around: Any) -> None:
    interval = "epoch" if scheduler["name"] == "ReduceLROnPlateau" else interval
    made = composition(scheduler, interval, around.pop("warmup"), groups=groups, **around)
    assert from_link(to_link(made)) == made


def test_a_group_may_bear_a_schedulers_name() -> None:
    made = composition(COSINE, groups=[{"name": "StepLR", "multiplier": 0.5}, {"name": "table", "multiplier": 0.5}])
    assert from_link(to_link(made)) == made


def test_defaults_of_the_spec_may_change_without_changing_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out of a link is put in again from the frozen table, not from the model."""
    seen: list[Any] = []
    monkeypatch.setattr(sharing.Composition, "model_validate", seen.append)
    from_link("1.SPyrRjGXXFMA")
    assert seen[0]["lr"] == 0.001
    assert seen[0]["metric"]["noise"] == 0.02
    assert seen[0]["schedule"]["interval"] == "epoch"


ADDRESSES = (
    "http://127.0.0.1:8501/?schedule={}", "https://lab.example/schedule?x=1&schedule={}#part", "?schedule={}", " {}\n",
)  # fmt: skip


@pytest.mark.parametrize("form", ADDRESSES)
def test_an_address_that_holds_a_link_is_read(form: str) -> None:
    made = SHORT["a nest of four"][0]
    assert from_link(form.format(to_link(made))) == made


def test_what_addresses_held_at_first_is_read() -> None:
    made = SHORT["a nest of four"][0]
    text = json.dumps(made.model_dump(mode="json", exclude_none=True), separators=(",", ":"))
    assert from_link(text) == made
    assert from_link(f"http://127.0.0.1:8501/?schedule={quote(text)}") == made
    assert from_link('{"schedule":{"scheduler":{"name":"Fixed"}}}') == composition()


def packed(content: bytes, words: bytes = sharing.WORDS, checksum: bytes | None = None) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, words)
    body = packer.compress(content) + packer.flush()
    sum_of = (zlib.crc32(content) & 0xFFFF).to_bytes(2, "big") if checksum is None else checksum
    return "1." + base64.urlsafe_b64encode(sum_of + body).rstrip(b"=").decode()


GOOD = to_link(SHORT["a nest of four"][0])
BROKEN = {
    "nothing": ("", "is no link"),
    "words": ("a schedule, please", "is no link"),
    "only a version": ("1.", "holds a character"),
    "no version": (GOOD[2:], "is no link"),
    "a later version": ("2" + GOOD[1:], "got version 2, allowed: 1; it was made by a newer lrlab"),
    "a version of many digits": ("1" * 5000 + ".abc", "is no link"),
    "another alphabet": ("1.ab+/", "holds a character"),
    "digits of another script": ("١." + GOOD[2:], "is no link"),
    "an impossible length": ("1.abcde", "length is impossible"),
    "too short for a checksum": ("1.ab", "is broken"),
    "no deflate": ("1." + "_" * 40, "does not unfold"),
    "cut short": (GOOD[:-6], "is broken"),
    "longer": (GOOD + "AAAA", "is broken"),
    "a wrong checksum": (packed(b'{"schedule":{}}', checksum=b"\0\0"), "is broken"),
    "no JSON": (packed(b"{"), "holds no JSON"),
    "JSON of a number": (packed(b"7"), "got 7, allowed: an object"),
    "JSON of a list": (packed(b"[[1]]"), "allowed: an object"),
    "NaN": (packed(b'{"lr":NaN}'), "holds no JSON"),
    "no UTF-8": (packed(b'{"lr":"\xff"}'), "holds no JSON"),
    "nested lists": (packed(b"[" * 100_000), "holds no JSON"),
    "nested objects": (packed(b'{"schedule":' * 10_000), "holds no JSON"),
    "an unknown setting": (packed(b'{"schedule":{},"rate":1}'), "rate: is not a known setting"),
    "an unknown scheduler": (packed(b'{"schedule":{"scheduler":{"name":"NoLR"}}}'), "got 'NoLR', allowed: 'Fixed'"),
    "a scheduler without a name": (packed(b'{"schedule":{"scheduler":{"eta_min":1}}}'), "scheduler.name: is required"),
    "a scheduler that is a list": (packed(b'{"schedule":{"scheduler":[]}}'), "schedule.scheduler"),
    "names that are no text": (
        packed(b'{"schedule":{"scheduler":{"name":[1]}},"metric":{"kind":{}}}'),
        "metric.kind: got {}, allowed: 'synthetic', 'logged'",
    ),
    "an LR out of range": (packed(b'{"lr":-1,"schedule":{}}'), "lr: got -1, allowed: above 0"),
    "an LR too large to be a float": (packed(b'{"lr":1e999,"schedule":{}}'), "lr"),
    "epochs of 5,000 digits": (packed(b'{"epochs":' + b"9" * 5000 + b"}"), ""),
    "a run too long": (packed(b'{"epochs":10000,"steps_per_epoch":1000000,"schedule":{}}'), "20,000,000"),
    "a formula that calls": (
        packed(b'{"schedule":{"scheduler":{"name":"LambdaLR","formula":"__import__(1)"}}}'), "formula",
    ),
    "schedulers without end": (
        packed(b'{"schedule":{"scheduler":' + b'{"name":"SequentialLR","schedulers":[' * 60 + b"]}" * 60 + b"}}"),
        "nested more than 20 deep",
    ),
    "an address without a schedule": ("http://127.0.0.1:8501/?x=1", "holds no schedule"),
    "an address that is none": ("http://[::1/?schedule=1.ab", "is no address"),
    "an address of many fields": ("http://x/?" + "a=1&" * 100, "is no address"),
    "JSON that ends": ('{"lr":', "holds no JSON"),
    "JSON with half a character": ('{"lr":"\ud800"}', "lr"),
    "a long text": ("1." + "A" * 20_000, "got 20,002 characters, allowed: at most 12,000"),
    "a very long text": ("{" * 1_000_000, "got 1,000,000 characters"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_link_is_refused_in_plain_words(case: str) -> None:
    text, message = BROKEN[case]
    with pytest.raises(LabError) as caught:
        from_link(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("content", [b"0" * 10_000_000, b'{"lr":' + b" " * 10_000_000 + b"1}"])
def test_a_bomb_is_not_unfolded(content: bytes) -> None:
    link = packed(content)
    tracemalloc.start()
    try:
        with pytest.raises(LabError, match=r"unfolds to more than 200,000 bytes|got .* characters"):
            from_link(link)
        _, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert highest < 2_000_000


def test_one_wrong_character_is_noticed() -> None:
    """Of all single changes, at most those pass that a checksum of 16 bits lets through; none changes the schedule."""
    made, changed = SHORT["a nest of four"][0], 0
    for place in range(2, len(GOOD)):
        for letter in "AZz9-_":
            if letter == GOOD[place]:
                continue
            try:
                changed += from_link(GOOD[:place] + letter + GOOD[place + 1 :]) != made
            except LabError:
                continue
    assert changed == 0


@settings(max_examples=EXAMPLES * 4, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.text("ABCDEFabcdef0123456789-_.", max_size=200).map("1.".__add__),
        st.binary(max_size=200).map(packed),
        st.binary(max_size=200).map(lambda content: "1." + base64.urlsafe_b64encode(content).rstrip(b"=").decode()),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["StepLR", "logged", "é"])),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(
                        [
                            "schedule",
                            "scheduler",
                            "schedulers",
                            "name",
                            "metric",
                            "kind",
                            "warmup",
                            "table",
                            "groups",
                            "lr",
                        ]
                    ),
                    inner,
                    max_size=4,
                ),
            ),
        ).map(lambda value: packed(json.dumps(value).encode())),
    )
)
def test_whatever_is_given_is_a_composition_or_a_refusal(text: str) -> None:
    try:
        assert isinstance(from_link(text), Composition)
    except LabError as error:
        assert str(error)


def test_what_is_too_long_for_an_address_is_refused() -> None:
    milestones = [(7919 * number) % 10_000_000 for number in range(1000)]
    many = {"name": "MultiStepLR", "milestones": sorted(milestones)}
    chained = {"name": "ChainedScheduler", "schedulers": [many | {"gamma": number / 97} for number in range(97)]}
    with pytest.raises(LabError, match="allowed: at most"):
        to_link(composition(chained))
    long = {"name": "MultiStepLR", "milestones": sorted(number * number * 7919 % 10_000_000 for number in range(1000))}
    assert from_link(to_link(composition(long))) == composition(long)
