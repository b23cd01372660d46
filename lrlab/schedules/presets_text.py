"""Presets of text: recipes that language models became known with. Their steps are updates; a run is one epoch of them
where the original does not speak of epochs."""

from __future__ import annotations

from functools import partial

from lrlab.schedules.preset import About, paper

_text = partial(About, group="text")

TEXT = (
    _text(
        "transformer", "Transformer, base model",
        "Adam, 4,000 steps of warm-up, d_model 512, 100,000 steps shown as one epoch; the base LR of 1 only scales.",
        paper("Vaswani et al. 2017, Attention Is All You Need", "1706.03762"),
    ).by_recipe(1.0, 1, 100_000, "noam", d_model=512, warmup=4000),
    _text(
        "bert", "BERT, pre-training",
        "Adam at 1e-4: 10,000 steps of warm-up, then down to 0 in a straight line, 1,000,000 steps shown as one epoch.",
        paper("Devlin et al. 2018, BERT", "1810.04805"),
    ).by_recipe(1e-4, 1, 1_000_000, "bert-linear", warmup_proportion=0.01),
    _text(
        "bert-fine-tuning", "BERT, fine-tuning on MRPC",
        "2e-5 for 3 epochs, a tenth of them warm-up, then down to 0; 3,668 pairs in batches of 32, 114 steps an "
        "epoch.",
        ("BERT's own code: fine-tuning", "https://github.com/google-research/bert"),
    ).by_recipe(2e-5, 3, 114, "bert-linear", warmup_proportion=0.1),
    _text(
        "t5", "T5, pre-training",
        "0.01 for 10,000 steps, then one over the square root of the step; 524,288 steps shown as one epoch.",
        paper("Raffel et al. 2019, Exploring the Limits of Transfer Learning (T5)", "1910.10683"),
    ).by(0.01, 1, 2**19, {"name": "LambdaLR", "formula": "sqrt(10000 / max(step, 10000))"}, "step"),
    _text(
        "gpt3-small", "GPT-3 Small",
        "6e-4: 375 million tokens of warm-up, a cosine to a tenth until 260 billion, then flat until 300 billion; in "
        "batches of 0.5 million 750, 520,000 and 600,000 steps, shown as one epoch.",
        paper("Brown et al. 2020, Language Models Are Few-Shot Learners", "2005.14165"),
    ).by(
        6e-4, 1, 600_000,
        {
            "name": "SequentialLR", "milestones": [519_250],
            "schedulers": [
                {"name": "CosineAnnealingLR", "T_max": 519_250, "eta_min": 6e-5},
                {"name": "ConstantLR", "factor": 0.1, "total_iters": 600_000},
            ],
        },
        "step", {"length": 750, "unit": "step", "start_factor": 0.0},
    ),
    _text(
        "nanogpt", "nanoGPT, GPT-2 of 124 million",
        "AdamW at 6e-4: 2,000 steps of warm-up, then a cosine to 6e-5 in 600,000 steps, shown as one epoch.",
        ("Karpathy, nanoGPT: train.py", "https://github.com/karpathy/nanoGPT/blob/master/train.py"),
    ).by_recipe(6e-4, 1, 600_000, "warmup-cosine", warmup=2000, start_factor=0.0, final_lr=6e-5),
    _text(
        "llama-7b", "LLaMA 7B",
        "AdamW at 3e-4: 2,000 steps of warm-up, then a cosine to a tenth; a trillion tokens in batches of 4 million "
        "are 250,000 steps, shown as one epoch.",
        paper("Touvron et al. 2023, LLaMA", "2302.13971"),
    ).by_recipe(3e-4, 1, 250_000, "warmup-cosine", warmup=2000, start_factor=0.0, final_lr=3e-5),
    _text(
        "deepseek-7b", "DeepSeek LLM 7B",
        "AdamW at 4.2e-4: 2,000 steps of warm-up, 31.6 % after 80 % of the tokens, 10 % after 90 %; 2 trillion tokens "
        "in batches of 2,304 x 4,096 are 211,927 steps, shown as one epoch.",
        paper("DeepSeek-AI 2024, DeepSeek LLM", "2401.02954"),
    ).by(
        4.2e-4, 1, 211_927, {"name": "MultiStepLR", "milestones": [167_542, 188_734], "gamma": 0.1**0.5}, "step",
        {"length": 2000, "unit": "step", "start_factor": 0.0},
    ),
)  # fmt: skip
