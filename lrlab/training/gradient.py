"""What happens to the gradient between backward pass and update: penalties are added, it is measured and clipped.

Nothing is read from the device here, so that an accelerator is never waited for, and all parameters are taken together
(torch's foreach operations): with everything switched off nothing is done at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm

from lrlab.experiments import Clip, Regularization

PENALISED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""Layers whose weights an L1 or L2 penalty holds down; biases and batch norms are left free."""


class Gradient:
    """Works on the gradients that `model`'s parameters hold. `norm` and `clipped` are of the last update."""

    def __init__(
        self,
        model: nn.Module,
        regularization: Regularization | None = None,
        clip: Clip | None = None,
        log_norm: bool = False,
    ) -> None:
        penalties = regularization or Regularization()
        self._l1, self._l2 = penalties.l1, penalties.l2
        self._clip = clip or Clip()
        self.measures = log_norm or self._clip.by != "none"
        """Whether `norm` is taken."""
        self.clips = self._clip.by != "none"
        """Whether gradients are clipped, and `clipped` says of which updates."""
        self.norm: Tensor | None = None
        """The L2 norm of all gradients together, penalties included, before clipping: one float on the device."""
        self.clipped: Tensor | None = None
        """Whether the norm, or a single value, was above the limit: one bool on the device."""
        self._parameters = [one for one in model.parameters() if one.requires_grad]
        self._weights = [one for one in penalised_weights(model) if one.requires_grad]

    def treat(self) -> None:
        """Penalties, norm, clipping, in this order. The gradients hold a whole update's, not scaled."""
        if self._l1 or self._l2:
            self._penalise()
        if not self.measures:
            return
        gradients = [one.grad for one in self._parameters if one.grad is not None]
        self.norm = get_total_norm(gradients)
        if self._clip.by == "norm":
            clip_grads_with_norm_(self._parameters, self._clip.limit, self.norm)
            self.clipped = self.norm > self._clip.limit
        elif self._clip.by == "value":
            self.clipped = _largest(gradients) > self._clip.limit
            # On a CPU one pass over each is several times faster than two over all.
            together = None if gradients[0].device.type != "cpu" else False
            clip_grad_value_(self._parameters, self._clip.limit, foreach=together)

    @torch.no_grad()
    def _penalise(self) -> None:
        """Adds the gradient of l1 x sum |w| + l2 x sum w^2, which is l1 x sign(w) + 2 x l2 x w."""
        weights: list[Tensor] = [one for one in self._weights if one.grad is not None]
        gradients = [one.grad for one in weights if one.grad is not None]
        if self._l1:
            torch._foreach_add_(gradients, torch._foreach_sign(weights), alpha=self._l1)
        if self._l2:
            torch._foreach_add_(gradients, weights, alpha=2 * self._l2)


def _largest(gradients: Sequence[Tensor]) -> Tensor:
    """The largest of all absolute values: one float on the device."""
    if gradients[0].device.type != "cpu":
        return get_total_norm(gradients, torch.inf)
    # On a CPU torch takes this norm value by value, ten times slower than the two ends of memory read in order.
    ends = [torch.aminmax(one.permute(0, 2, 3, 1) if one.dim() == 4 else one) for one in gradients]
    return torch.stack([end for low, high in ends for end in (-low, high)]).max()


def penalised_weights(model: nn.Module) -> list[Tensor]:
    """The weights of convolutions and linear layers, those inside an attention included."""
    found: list[Tensor] = []
    for module in model.modules():
        if isinstance(module, PENALISED):
            found.append(module.weight)
        elif isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
            found.append(module.in_proj_weight)
    return found
