"""What ReduceLROnPlateau did to the LR and why, one sentence for each cut."""

from __future__ import annotations

from lrlab.schedules import Curve, Decision, ReduceLROnPlateau, number

TOLD = 6
"""So many cuts are explained one by one."""


def cut_sentences(scheduler: ReduceLROnPlateau, curve: Curve) -> list[str]:
    """The cuts of `curve`, in order: after which epoch, for how long nothing was better, and what became of the LR."""
    cuts = [(curve.first_decision + index, decision) for index, decision in enumerate(curve.decisions) if decision.cut]
    told = [_sentence(scheduler, epoch, decision) for epoch, decision in cuts[:TOLD]]
    more = len(cuts) - TOLD
    return [*told, f"And {more} more {'cut' if more == 1 else 'cuts'}."] if more > 0 else told


def _sentence(scheduler: ReduceLROnPlateau, epoch: int, decision: Decision) -> str:
    word = "below" if scheduler.mode == "min" else "above"
    waited = f"After epoch {epoch}: not {word} {number(decision.limit)} for {_epochs(decision.bad)}"
    if decision.bad > 1:
        waited += " in a row"
    waited += f" (patience {scheduler.patience})"
    if decision.after < decision.before:
        return f"{waited}: LR {number(decision.before)} → {number(decision.after)}."
    why = "min_lr is reached" if decision.before <= scheduler.min_lr else "the change would be within eps"
    return f"{waited}, but the LR stays at {number(decision.before)}: {why}."


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"
