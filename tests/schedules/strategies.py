"""Random legal schedules."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

lengths = st.one_of(st.integers(1, 12), st.integers(1, 3000), st.integers(1, 10_000_000))
lengths_or_none = st.one_of(st.just(0), lengths)
factors = st.one_of(st.floats(0.8, 1.01), st.floats(0, 2), st.floats(0, 100))
shares = st.floats(0, 1)
above_zero = st.floats(1e-6, 1)
momenta = st.floats(0, 0.999)
rates = st.one_of(st.just(0.0), st.floats(-9, 2.5).map(lambda exponent: 10**exponent))
rates_above_zero = st.floats(-9, 2.5).map(lambda exponent: 10**exponent)
milestones = st.lists(st.one_of(st.integers(0, 12), lengths_or_none), min_size=1, max_size=8).map(sorted)
FORMULAS = (
    "0.65 ** epoch", "1", "1 / (1 + 0.1 * epoch)", "0.5 ** (epoch // 5)", "(1 + cos(pi * t)) / 2", "1 - t",
    "min(1, (epoch + 1) / 10)", "0.9 if epoch < 20 else 0.5", "max(0.1, 1 - step / 1000)", "1 / sqrt(epoch + 1)",
    "1 / (epoch - 50)", "exp(-epoch / total)", "0.99 if epoch % 7 < 5 else 1.01", "0",
)  # fmt: skip
formulas = st.sampled_from(FORMULAS)
points = st.lists(st.tuples(st.integers(0, 60), st.floats(0.001, 3)), min_size=1, max_size=8, unique_by=lambda p: p[0])
tables = st.fixed_dictionaries(
    {
        "points": points.map(sorted),
        "interpolation": st.sampled_from(["linear", "step"]),
        "scale": st.sampled_from(["linear", "log"]),
    }
)
cyclic = st.fixed_dictionaries(
    {
        "base_lr": rates,
        "max_lr": rates,
        "step_size_up": lengths,
        "step_size_down": st.one_of(st.none(), lengths_or_none),
        "mode": st.sampled_from(["triangular", "triangular2", "exp_range"]),
        "gamma": st.one_of(st.floats(0.9, 1), st.floats(0, 100)),
        "cycle_momentum": st.booleans(),
        "base_momentum": momenta,
        "max_momentum": momenta,
    }
)
one_cycle = st.fixed_dictionaries(
    {
        "max_lr": rates_above_zero,
        "total_steps": st.one_of(st.integers(1, 12), st.integers(1, 6000), lengths),
        "pct_start": st.one_of(st.sampled_from([0.0, 0.3, 0.5, 0.6, 1.0]), shares),
        "anneal_strategy": st.sampled_from(["cos", "linear"]),
        "cycle_momentum": st.booleans(),
        "base_momentum": momenta,
        "max_momentum": momenta,
        "div_factor": st.one_of(st.floats(0.5, 50), st.floats(1e-3, 1e6)),
        "final_div_factor": st.floats(1e-3, 1e6),
        "three_phase": st.booleans(),
    }
)

PARAMETERS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Fixed": st.just({}),
    "LambdaLR": st.one_of(st.fixed_dictionaries({"formula": formulas}), st.fixed_dictionaries({"table": tables})),
    "MultiplicativeLR": st.fixed_dictionaries({"formula": formulas}),
    "StepLR": st.fixed_dictionaries({"step_size": lengths, "gamma": factors}),
    "MultiStepLR": st.fixed_dictionaries({"milestones": milestones, "gamma": factors}),
    "ExponentialLR": st.fixed_dictionaries({"gamma": factors}),
    "CosineAnnealingLR": st.fixed_dictionaries({"T_max": lengths, "eta_min": rates}),
    "CosineAnnealingWarmRestarts": st.fixed_dictionaries(
        {"T_0": lengths, "T_mult": st.one_of(st.integers(1, 3), st.integers(1, 1000)), "eta_min": rates}
    ),
    "PolynomialLR": st.fixed_dictionaries(
        {"total_iters": lengths_or_none, "power": st.one_of(st.floats(0, 5), st.floats(0, 100))}
    ),
    "LinearLR": st.fixed_dictionaries(
        {"start_factor": above_zero, "end_factor": shares, "total_iters": lengths_or_none}
    ),
    "ConstantLR": st.fixed_dictionaries({"factor": above_zero, "total_iters": lengths_or_none}),
    "CyclicLR": cyclic,
    "OneCycleLR": one_cycle,
}
plateau = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["min", "max"]),
        "factor": st.one_of(st.floats(0.05, 0.95), st.floats(0, 0.999)),
        "patience": st.integers(0, 6),
        "threshold": st.one_of(st.just(1e-4), st.floats(0, 0.5)),
        "threshold_mode": st.sampled_from(["rel", "abs"]),
        "cooldown": st.integers(0, 4),
        "min_lr": rates,
        "eps": st.one_of(st.just(1e-8), st.floats(0, 0.1)),
    }
)
metrics = st.lists(
    st.one_of(st.floats(-2, 2), st.floats(allow_nan=True, allow_infinity=True)), min_size=300, max_size=300
)

leaves = st.one_of([kind.map(lambda values, name=name: {"name": name, **values}) for name, kind in PARAMETERS.items()])


@st.composite
def _sequential(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    schedulers = draw(st.lists(inner, min_size=1, max_size=4))
    places = st.one_of(st.integers(0, 8), st.integers(0, 5000))
    found = sorted(draw(st.lists(places, min_size=len(schedulers) - 1, max_size=len(schedulers) - 1)))
    return {"name": "SequentialLR", "schedulers": schedulers, "milestones": found}


def _chained(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=1, max_size=4).map(lambda found: {"name": "ChainedScheduler", "schedulers": found})


nested = st.recursive(leaves, lambda inner: st.one_of(_sequential(inner), _chained(inner)), max_leaves=8)
sequential, chained = _sequential(nested), _chained(nested)
warmups = st.fixed_dictionaries(
    {"length": st.integers(1, 60), "unit": st.sampled_from(["epoch", "step"]), "start_factor": shares}
)
