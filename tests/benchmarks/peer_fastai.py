"""The recipe in fastai, in a process of its own: python peer_fastai.py RECIPE.json TOLD.json. Started by peers.py."""

from __future__ import annotations

import time
from pathlib import Path

import fastai
import torch
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback
from fastai.callback.schedule import ParamScheduler
from fastai.data.block import CategoryBlock, DataBlock
from fastai.data.transforms import FuncSplitter, Normalize, get_image_files, parent_label
from fastai.learner import Learner
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import accuracy
from fastai.optimizer import OptimWrapper
from fastai.torch_core import set_seed
from fastai.vision.augment import FlipItem, RandomCrop, Resize
from fastai.vision.data import ImageBlock
from fastcore.basics import partialler
from peer_recipe import MEAN, STD, Epoch, Recipe, Told, given


class Clock(Callback):
    """Tells when each part of an epoch begins and ends."""

    def __init__(self, told: Told) -> None:
        self.told = told

    def before_train(self) -> None:
        self.told.epochs.append(Epoch(time.time()))

    def after_batch(self) -> None:
        if self.training:
            self.told.epochs[-1].images += len(self.yb[0])

    def after_train(self) -> None:
        self.told.epochs[-1].trained = time.time()

    def after_validate(self) -> None:
        self.told.epochs[-1].ended = time.time()


def train(recipe: Recipe, told: Told) -> None:
    set_seed(recipe.seed)
    images = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_items=get_image_files,
        get_y=parent_label,
        splitter=FuncSplitter(recipe.is_held_out),
        item_tfms=[Resize(recipe.side), RandomCrop(recipe.image_size), FlipItem(0.5)],
        batch_tfms=Normalize.from_stats(MEAN, STD, cuda=False),
    )
    dls = images.dataloaders(Path(recipe.folder), bs=recipe.batch_size, num_workers=recipe.workers, device="cpu")

    def lr(share: float) -> float:
        return recipe.lr * recipe.gamma ** (int(share * recipe.epochs + 1e-6) // recipe.step_size)

    learner = Learner(
        dls,
        recipe.build(len(dls.vocab)),
        loss_func=CrossEntropyLossFlat(),
        opt_func=partialler(OptimWrapper, opt=torch.optim.Adam),  # quicker than fastai's own Adam, and the recipe's
        metrics=accuracy,
        cbs=[ParamScheduler({"lr": lr}), Clock(told), *([ChannelsLast()] if recipe.channels_last else [])],
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(recipe.epochs, recipe.lr)
    for epoch, (_, _, share) in zip(told.epochs, learner.recorder.values, strict=True):
        epoch.accuracy = float(share)


if __name__ == "__main__":
    asked, path = given()
    tells = Told(f"fastai {fastai.__version__}")
    train(asked, tells)
    tells.write(path)
