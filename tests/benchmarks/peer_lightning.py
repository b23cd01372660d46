"""The recipe in Lightning, in a process of its own: python peer_lightning.py RECIPE.json TOLD.json. Started by
peers.py."""

from __future__ import annotations

import os
import time

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from peer_recipe import MEAN, STD, Epoch, Recipe, Told, given
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder


class Classifier(lightning.LightningModule):
    def __init__(self, recipe: Recipe, classes: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = recipe.build(classes)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        images, labels = batch
        loss = cross_entropy(self.network(images), labels)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        images, labels = batch
        scores = self.network(images)
        self.log("val_loss", cross_entropy(scores, labels), batch_size=len(labels))
        self.log("val_accuracy", (scores.argmax(1) == labels).float().mean(), batch_size=len(labels))

    def configure_optimizers(self) -> tuple[list[object], list[object]]:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.recipe.lr)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, self.recipe.step_size, self.recipe.gamma)]


class Clock(Callback):
    """Tells when each part of an epoch begins and ends."""

    def __init__(self, told: Told) -> None:
        self.told = told

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: Classifier) -> None:
        self.told.epochs.append(Epoch(time.time()))

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Classifier, outputs: object, batch: list[torch.Tensor], number: int
    ) -> None:
        self.told.epochs[-1].images += len(batch[1])

    def on_validation_start(self, trainer: lightning.Trainer, module: Classifier) -> None:
        if not trainer.sanity_checking:
            self.told.epochs[-1].trained = time.time()

    def on_validation_end(self, trainer: lightning.Trainer, module: Classifier) -> None:
        if not trainer.sanity_checking:
            self.told.epochs[-1].ended = time.time()
            self.told.epochs[-1].accuracy = float(trainer.callback_metrics["val_accuracy"])


def train(recipe: Recipe, told: Told) -> None:
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    last = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    changed = transforms.Compose(
        [
            transforms.Resize(recipe.side),
            transforms.CenterCrop(recipe.side),
            transforms.RandomCrop(recipe.image_size),
            transforms.RandomHorizontalFlip(),
            *last,
        ]
    )
    plain = transforms.Compose([transforms.Resize(recipe.side), transforms.CenterCrop(recipe.image_size), *last])
    folders = {True: ImageFolder(recipe.folder, changed), False: ImageFolder(recipe.folder, plain)}
    held_out = [recipe.is_held_out(path) for path, _ in folders[True].samples]

    def loader(training: bool) -> DataLoader[object]:
        rows = [row for row, held in enumerate(held_out) if held != training]
        return DataLoader(
            Subset(folders[training], rows),
            recipe.batch_size,
            shuffle=training,
            num_workers=recipe.workers,
            persistent_workers=recipe.workers > 0,
        )

    module = Classifier(recipe, len(folders[True].classes))
    if recipe.channels_last:
        module.to(memory_format=torch.channels_last)
    trainer = lightning.Trainer(
        max_epochs=recipe.epochs,
        accelerator="cpu",
        callbacks=[Clock(told)],
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=os.environ["PEER_FOLDER"],
    )
    trainer.fit(module, loader(training=True), loader(training=False))


if __name__ == "__main__":
    asked, path = given()
    tells = Told(f"Lightning {lightning.__version__}")
    train(asked, tells)
    tells.write(path)
