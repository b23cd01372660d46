"""The loop of the tutorials: ImageFolder, torchvision's transforms, a DataLoader, and a loss that is read every update.

It is given what is learned from and how; nothing of lrlab trains it.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import torch
import torchvision.transforms.v2 as transforms
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder

warnings.filterwarnings("ignore", message=".*ToTensor")


class PlainLoop:
    """Trains `model` on the files of `folder` (a folder a class) with Adam at 0.001.

    Pictures of `size` px are cut at random out of squares of `side` px and mirrored by chance. `workers`: processes of
    the DataLoader. `rows`: the images to learn from, counted in ImageFolder's order.
    """

    def __init__(
        self,
        model: nn.Module,
        folder: Path,
        rows: list[int],
        *,
        size: int,
        side: int,
        batch_size: int,
        device: torch.device,
        workers: int,
    ) -> None:
        self.device, self.size, self.side, self.folder, self.workers = device, size, side, folder, workers
        self.model = model.to(memory_format=torch.contiguous_format)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.001)
        changes = [transforms.RandomCrop(size), transforms.RandomHorizontalFlip()]
        self.loader = self._loader(changes, rows, batch_size, shuffle=True, drop_last=True)

    def _loader(self, changes: list[nn.Module], rows: list[int], batch_size: int, **how: bool) -> DataLoader:
        steps = [
            transforms.Resize(self.side),
            transforms.CenterCrop(self.side),
            *changes,
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.25] * 3),
        ]
        return DataLoader(
            Subset(ImageFolder(str(self.folder), transforms.Compose(steps)), rows),
            batch_size,
            num_workers=self.workers,
            pin_memory=self.device.type != "cpu",
            persistent_workers=self.workers > 0,
            **how,
        )

    def epoch(self) -> tuple[int, float]:
        """Trains once over the images; how many they were, and the seconds."""
        began = time.perf_counter()
        self.model.train()
        losses, right, seen = [], 0, 0
        for images, labels in self.loader:
            images, labels = images.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            scores = self.model(images)
            loss = cross_entropy(scores, labels)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
            right += (scores.argmax(1) == labels).sum().item()
            seen += len(labels)
        return seen, time.perf_counter() - began

    def accuracy(self, rows: list[int]) -> float:
        """The share of the images `rows`, cut in their middle, that the model names right."""
        self.model.eval()
        right = 0
        with torch.inference_mode():
            for images, labels in self._loader([transforms.CenterCrop(self.size)], rows, 256):
                right += (self.model(images.to(self.device)).argmax(1).cpu() == labels).sum().item()
        return right / len(rows)
