"""Presets of image training: the source tutorials, and recipes that networks for images became known with.

Steps per epoch are those of the original: its training images divided by its batch size.
"""

from __future__ import annotations

from functools import partial

from lrlab.schedules.preset import IMAGENET, About, paper
from lrlab.schedules.recipes import RECIPES

_tutorial = partial(About, group="tutorial")
_images = partial(About, group="images")

_FOOD = (
    "Food image classification: the learning rate (in Chinese)",
    "https://jishuzhan.net/article/2008358042812334082",
)
_TORCHVISION = "https://github.com/pytorch/vision/tree/main/references/classification"

TUTORIALS = (
    _tutorial(
        "food-fixed", "Food classifier, fixed LR",
        "Adam at 0.001 for 20 epochs, the tutorial's baseline; 30 steps per epoch are our own.", _FOOD,
    ).by(0.001, 20, 30, {"name": "Fixed"}),
    _tutorial(
        "food-steps", "Food classifier, halved every 5 epochs",
        "Adam from 0.001, StepLR(step_size=5, gamma=0.5), 20 epochs; 30 steps per epoch are our own.", _FOOD,
    ).by(0.001, 20, 30, {"name": "StepLR", "step_size": 5, "gamma": 0.5}),
    _tutorial(
        "coffee-exponential", "Coffee beans, VGG-16",
        "Keras ExponentialDecay(1e-4, decay_steps=30, decay_rate=0.92, staircase=True): 960 images in batches of 32 "
        "are 30 steps, so that the LR falls by 8 % with every epoch.",
        ("Coffee-bean recognition with VGG-16 (in Chinese)", "https://blog.csdn.net/lihuhelihu/article/details/142098887"),
    ).by_recipe(
        1e-4, 20, 30, "keras-exponential-decay", decay_steps=30, decay_rate=0.92, staircase=True
    ),
    _tutorial(
        "pytorch-transfer", "Transfer learning, ants and bees",
        "PyTorch's own tutorial: SGD from 0.001, a tenth every 7 of 25 epochs; 244 images in batches of 4.",
        (
            "PyTorch tutorials: Transfer Learning for Computer Vision",
            "https://docs.pytorch.org/tutorials/beginner/transfer_learning_tutorial.html",
        ),
    ).by(0.001, 25, 61, {"name": "StepLR", "step_size": 7, "gamma": 0.1}),
    _tutorial(
        "keras-step-decay", "Step decay in Keras, ionosphere",
        "SGD from 0.1, halved every 10 of 50 epochs, each time an epoch before StepLR; 235 rows in batches of 28.",
        RECIPES["step-decay"].source[0],
    ).by_recipe(0.1, 50, 9, "step-decay", epochs_drop=10, drop=0.5),
)  # fmt: skip

IMAGES = (
    _images(
        "resnet50-imagenet", "ResNet-50 on ImageNet",
        "SGD from 0.1, a tenth every 30 of 90 epochs; batches of 256, 5,005 steps per epoch.",
        ("PyTorch examples: ImageNet training", "https://github.com/pytorch/examples/tree/main/imagenet"),
    ).by(0.1, 90, 5005, {"name": "StepLR", "step_size": 30, "gamma": 0.1}),
    _images(
        "imagenet-1-hour", "ResNet-50 in 1 hour",
        "Warm-up from 0.1 to 3.2 in 5 epochs, a tenth at epochs 30, 60 and 80 of 90; batches of 8,192, 156 steps per "
        "epoch. The milestones count from the end of the warm-up.",
        paper("Goyal et al. 2017, Accurate, Large Minibatch SGD", "1706.02677"),
    ).by(
        3.2, 90, IMAGENET // 8192, {"name": "MultiStepLR", "milestones": [25, 55, 75], "gamma": 0.1},
        warmup={"length": 5, "unit": "epoch", "start_factor": 0.03125},
    ),
    _images(
        "torchvision-resnet50-v2", "ResNet-50, torchvision's new recipe",
        "SGD at 0.5: 5 epochs of warm-up from a hundredth, then a cosine to 0, 600 epochs in all; batches of 1,024, "
        "1,251 steps per epoch.",
        (
            "PyTorch blog: How to Train State-Of-The-Art Models Using TorchVision's Latest Primitives",
            "https://pytorch.org/blog/how-to-train-state-of-the-art-models-using-torchvision-latest-primitives/",
        ),
    ).by(
        0.5, 600, IMAGENET // 1024,
        {
            "name": "SequentialLR", "milestones": [5],
            "schedulers": [
                {"name": "LinearLR", "start_factor": 0.01, "end_factor": 1.0, "total_iters": 5},
                {"name": "CosineAnnealingLR", "T_max": 595},
            ],
        },
    ),
    _images(
        "mobilenet-v2", "MobileNetV2, torchvision",
        "SGD from 0.045, 2 % less after every one of 300 epochs; batches of 256, 5,005 steps per epoch.",
        ("torchvision: reference training, MobileNetV2", _TORCHVISION),
    ).by(0.045, 300, 5005, {"name": "StepLR", "step_size": 1, "gamma": 0.98}),
    _images(
        "efficientnet", "EfficientNet",
        "RMSprop from 0.256, 3 % less every 2.4 epochs, here 751 steps; 350 epochs and batches of 4,096 (312 steps per "
        "epoch) are those of its code at this LR.",
        paper("Tan and Le 2019, EfficientNet", "1905.11946"),
    ).by(0.256, 350, IMAGENET // 4096, {"name": "StepLR", "step_size": 751, "gamma": 0.97}, "step"),
    _images(
        "vit-imagenet", "Vision Transformer, trained on ImageNet",
        "Adam at 0.003: 10,000 steps of warm-up, then a cosine to 0, 300 epochs in all; batches of 4,096, 312 steps "
        "per epoch.",
        paper("Dosovitskiy et al. 2020, An Image Is Worth 16x16 Words", "2010.11929"),
    ).by_recipe(0.003, 300, IMAGENET // 4096, "warmup-cosine", warmup=10_000, start_factor=0.0, final_lr=0.0),
    _images(
        "convnext", "ConvNeXt",
        "AdamW at 0.004: 20 epochs of warm-up from 0, then a cosine to 1e-6, 300 epochs in all; batches of 4,096, 312 "
        "steps per epoch.",
        paper("Liu et al. 2022, A ConvNet for the 2020s", "2201.03545"),
    ).by_recipe(0.004, 300, IMAGENET // 4096, "warmup-cosine", warmup=20 * 312, start_factor=0.0, final_lr=1e-6),
    _images(
        "mae", "Masked autoencoder, pre-training",
        "AdamW at 0.0024: 40 epochs of warm-up, then a cosine to 0, 800 epochs in all; batches of 4,096, 312 steps per "
        "epoch.",
        paper("He et al. 2021, Masked Autoencoders Are Scalable Vision Learners", "2111.06377"),
    ).by_recipe(0.0024, 800, IMAGENET // 4096, "warmup-cosine", warmup=40 * 312, start_factor=0.0, final_lr=0.0),
    _images(
        "clip-vit-b32", "CLIP, ViT-B/32",
        "Adam at 5e-4: 2,000 steps of warm-up, then a cosine to 0, 32 epochs of 400 million pairs; batches of 32,768, "
        "12,207 steps per epoch.",
        paper("Radford et al. 2021, Learning Transferable Visual Models (CLIP)", "2103.00020"),
    ).by_recipe(5e-4, 32, 12_207, "warmup-cosine", warmup=2000, start_factor=0.0, final_lr=0.0),
    _images(
        "wide-resnet", "WRN-28-10 on CIFAR",
        "SGD from 0.1, a fifth at epochs 60, 120 and 160 of 200; batches of 128, 391 steps per epoch.",
        paper("Zagoruyko and Komodakis 2016, Wide Residual Networks", "1605.07146"),
    ).by(0.1, 200, 391, {"name": "MultiStepLR", "milestones": [60, 120, 160], "gamma": 0.2}),
    _images(
        "resnet110-cifar", "ResNet-110 on CIFAR-10",
        "SGD at 0.01 for the first 400 steps, then 0.1, a tenth at 32,000 and 48,000 of 64,000 steps; batches of 128, "
        "391 steps per epoch, 164 epochs.",
        paper("He et al. 2015, Deep Residual Learning for Image Recognition", "1512.03385"),
    ).by(
        0.1, 164, 391,
        {
            "name": "ChainedScheduler",
            "schedulers": [
                {"name": "ConstantLR", "factor": 0.1, "total_iters": 400},
                {"name": "MultiStepLR", "milestones": [32_000, 48_000], "gamma": 0.1},
            ],
        },
        "step",
    ),
    _images(
        "sgdr", "Warm restarts on CIFAR",
        "WRN-28-10 from 0.05, cosine cycles of 10, 20, 40 and 80 epochs, the LR set at every update; batches of 128, "
        "391 steps per epoch.",
        paper("Loshchilov and Hutter 2016, SGDR", "1608.03983"),
    ).by(0.05, 150, 391, {"name": "CosineAnnealingWarmRestarts", "T_0": 3910, "T_mult": 2}, "step"),
    _images(
        "cifar10-fast", "CIFAR-10 in 24 epochs",
        "A triangle: up from 0 to 0.4 in 5 epochs, down to 0 in 19; batches of 512, 97 steps per epoch.",
        ("Page 2018, cifar10-fast: dawn.py", "https://github.com/davidcpage/cifar10-fast/blob/master/dawn.py"),
    ).by(
        0.4, 24, 97, {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "total_iters": 19 * 97}, "step",
        {"length": 5, "unit": "epoch", "start_factor": 0.0},
    ),
    _images(
        "fastai-one-cycle", "fastai's one cycle",
        "fit_one_cycle with all its defaults at fastai's default LR, 0.001; 20 epochs of 30 steps are our own.",
        ("fastai documentation: fit_one_cycle", "https://docs.fast.ai/callback.schedule.html"),
    ).by_recipe(0.001, 20, 30, "fastai-one-cycle", pct_start=0.25, div=25.0, div_final=1e5),
    _images(
        "deeplab-poly", "DeepLabv3 on PASCAL VOC",
        "From 0.007 to 0 along power 0.9 in 30,000 steps of 16 images, shown as one epoch.",
        paper("Chen et al. 2017, Rethinking Atrous Convolution", "1706.05587"),
    ).by(0.007, 1, 30_000, {"name": "PolynomialLR", "total_iters": 30_000, "power": 0.9}, "step"),
    _images(
        "detectron2-1x", "Detectron2, the 1x schedule",
        "SGD at 0.02: 1,000 steps of warm-up from a thousandth, a tenth at 60,000 and 80,000 of 90,000 steps of 16 "
        "images, shown as one epoch. The milestones count from the end of the warm-up.",
        ("Detectron2: model zoo", "https://github.com/facebookresearch/detectron2/blob/main/MODEL_ZOO.md"),
    ).by(
        0.02, 1, 90_000, {"name": "MultiStepLR", "milestones": [59_000, 79_000], "gamma": 0.1}, "step",
        {"length": 1000, "unit": "step", "start_factor": 0.001},
    ),
)  # fmt: skip
