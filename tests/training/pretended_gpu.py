"""A GPU where there is none: its tensors have a device and a shape and no values, and waiting for it is an error.

What lies on the host is real and is computed. torch's fake tensors stand for what lies on the GPU, so that code takes
the ways it takes there. Two things torch cannot do without a GPU: the backward pass, instead of which every parameter
gets a gradient without values, and streams.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from lrlab.training import batches, fetching

GPU = torch.device("cuda", 0)

aten = torch.ops.aten

READ = {aten._local_scalar_dense, aten.equal, aten.is_nonzero, aten.nonzero, aten.masked_select, aten._unique2}
"""Each needs values, or a shape that depends on values, on the host."""

IN_PLACE = {aten._fused_sgd_, aten._fused_adam_, aten._fused_adamw_}
"""Fused updates, which give nothing back; torch knows some of them with values only."""


class Waited(AssertionError):
    """The host would have waited for the GPU."""


class PretendedGPU(TorchDispatchMode):
    """Sees every operation that reaches a kernel; while `watched`, Waited where it would stop the host.

    What torch.cuda.set_sync_debug_mode tells of, and a copy from or to memory that is not pinned, which waits whatever
    it was asked for. Inside of a FakeTensorMode.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pinned = WeakIdKeyDictionary()
        self.watched = False
        self.copies = 0
        """Made so far from the host to the GPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        operation = func.overloadpacket
        if operation is aten.is_pinned:
            return args[0] in self._pinned
        if operation is aten._pin_memory:
            with unset_fake_temporarily():
                pinned = args[0].clone()
            self._pinned[pinned] = True
            return pinned
        if not any(map(_on_gpu, given)) and torch.device(kwargs.get("device") or "cpu").type == "cpu":
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        if self.watched and operation in READ:
            raise Waited(f"{func} reads the GPU")
        if self.watched and operation in (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_):
            self._check_indices(func, *args[:3])
        if operation is aten._local_scalar_dense:
            return 1  # for what may wait, a value as good as any
        if operation in IN_PLACE:
            return None
        if operation is aten._to_copy:
            return self._copied(func, args[0], kwargs)
        if operation is aten.copy_ and _on_gpu(args[0]) != _on_gpu(args[1]):
            asked = kwargs.get("non_blocking", len(args) > 2 and args[2])
            self._check_copy(func, args[1], asked, args[0] if _on_gpu(args[1]) else None)
        return func(*args, **kwargs)

    def _copied(self, func: Any, source: Tensor, kwargs: Any) -> Tensor:
        to_gpu = torch.device(kwargs.get("device") or source.device).type == "cuda"
        if to_gpu == _on_gpu(source):
            return func(source, **kwargs)
        self._check_copy(func, source, kwargs.get("non_blocking", False))
        if to_gpu:
            return func(source, **kwargs)
        with unset_fake_temporarily():  # the host has values, if only zeros
            return torch.zeros(source.shape, dtype=kwargs.get("dtype") or source.dtype)

    def _check_copy(self, func: Any, source: Tensor, asked: bool, onto: Tensor | None = None) -> None:
        self.copies += not _on_gpu(source)
        if not self.watched:
            return
        if not asked:
            raise Waited(f"{func} is not asked to be non_blocking")
        host = onto if _on_gpu(source) else source
        if host is not None and host not in self._pinned:
            raise Waited(f"{func} copies from or to memory that is not pinned")

    def _check_indices(self, func: Any, tensor: Tensor, indices: Any, values: Any = None) -> None:
        for index in indices:
            if isinstance(index, Tensor) and not _on_gpu(index):
                raise Waited(f"{func} takes an index from the host")
            # A single value is filled in by the mask; else the places where it holds are counted.
            if (
                isinstance(index, Tensor)
                and index.dtype in (torch.bool, torch.uint8)
                and (values is None or values.dim())
            ):
                raise Waited(f"{func} counts what a mask holds")


def _on_gpu(tensor: Any) -> bool:
    return isinstance(tensor, FakeTensor)


@contextmanager
def pretended(monkeypatch: pytest.MonkeyPatch, *, room: int = 1 << 40) -> Iterator[PretendedGPU]:
    """Tensors on GPU can be made; it has `room` bytes free."""
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (room, room))
    for name in ("torch.optim.optimizer", "torch.utils._foreach_utils"):  # all parameters are worked on together
        known = "_foreach_supported_types"
        monkeypatch.setattr(sys.modules[name], known, [*getattr(sys.modules[name], known), FakeTensor])
    monkeypatch.setattr(fetching, "mark", lambda device: Under())
    monkeypatch.setattr(batches, "SideStream", SameStream)
    with FakeTensorMode(allow_non_fake_inputs=True), PretendedGPU() as gpu:
        yield gpu


def put(module: nn.Module) -> None:
    """Puts `module` on the GPU. (`module.to` cannot exchange a real tensor for a fake one.)"""
    for part in module.modules():
        for name, one in part.named_parameters(recurse=False):
            part.register_parameter(name, nn.Parameter(torch.empty_like(one, device=GPU), one.requires_grad))
        for name, one in part.named_buffers(recurse=False):
            part.register_buffer(name, torch.empty_like(one, device=GPU))


class Under:
    """The mark of work that is still under way; waiting for it is not noticed by the host."""

    def query(self) -> bool:
        return False

    def synchronize(self) -> None:
        pass


class SameStream:
    """A lane without a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        assert device.type == GPU.type

    def made(self, batches: Iterator[Any]) -> Any:
        return next(batches, None)

    def handed(self, batch: Any) -> Any:
        return batch

    def worked(self) -> None:
        pass


def gradients_of_nothing(model: nn.Module) -> Callable[..., None]:
    """Instead of torch.autograd.backward."""

    def backward(loss: Tensor) -> None:
        assert loss.shape == ()
        assert _on_gpu(loss)
        assert loss.requires_grad
        for one in model.parameters():
            if one.requires_grad:
                one.grad = torch.empty_like(one)

    return backward
