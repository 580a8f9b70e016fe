#!/usr/bin/env python3
"""Derivatives by autograd, and what tests/engine/learn/test_reference_grad.c expects.

    python3 tests/ref/gradients.py            writes tests/ref/dumps/gradients.safetensors
    python3 tests/ref/gradients.py --check    also says how far float32 is from float64

The body and its heads are those of encoder.py; the losses are written here from their
definitions, one text at a time and without a matrix of the engine's, and autograd finds
the way back. Everything is computed in float64 and stored as float32. Needs Debian's
python3-torch.

Weights, ids, labels and the made-up gradients are not stored: both sides draw them from
splitmix64, seeded with the FNV-1a hash of a name (encoder.py says how).

The dump holds the configuration as metadata, with `names`, the order of the parameters,
and `losses`, the value of each loss. Its tensors are flat, the parameters one after the
other in that order:

    masked, next, contrast, ranked   d loss / d parameter, of those the loss reaches
    made_up    parameters after three steps of AdamW on gradients drawn from splitmix64
    steps      parameters after three steps of AdamW on three losses together
"""
import os
import sys

import numpy as np
import torch

from encoder import Bert, config, draw_texts, draw_weights, shapes, splitmix, unit
from encoder import write_safetensors

LENGTHS = [7, 12, 1, 20, 9, 15, 2, 11, 5, 16]
CONFIG = config("gradients", 24, 3, 40, 2, LENGTHS, vocab=48, positions=20, labels=0)
LOSSES = ["masked", "next", "contrast", "ranked"]

N_MASKED = 300  # more than there are tokens: some are guessed more than once
KEYS = [1, 2, 1, 3, 2]  # of the five pairs: texts 0 and 1, 2 and 3, ...
SCORES = [0.1, 0.9, 0.5, 0.5, 0.0]  # two are equal: neither is ranked above the other
TEMPERATURE = {"contrast": 0.2, "ranked": 0.1}
WEIGHT = {"masked": 0.02, "next": 0.25, "contrast": 0.5, "ranked": 2.0}

STEPS, STEPS_IN_ALL, WARMUP = 3, 5, 0.4
RATE, DECAY, BETAS, EPS = 0.01, 0.05, (0.9, 0.98), 1e-6
CLIP = 1.0
SHARDS = 3  # gradients of made_up are sums of three


def draw_below(name, n, limit):
    return torch.tensor((splitmix(name, n) % np.uint64(limit)).astype(np.int64))


# ----------------------------------------------------------------------------- the losses


def cross_entropy(logits, label):
    return torch.logsumexp(logits, -1) - logits[label]


def masked(bert, hidden):
    tokens = torch.cat(hidden)
    labels = draw_below("labels", N_MASKED, CONFIG["vocab"])
    return sum(cross_entropy(bert.mlm_logits(tokens[(5 * i) % len(tokens)]), labels[i])
               for i in range(N_MASKED))


def next_sentence(bert, hidden):
    is_random = draw_below("is_random", len(hidden), 2)
    return sum(cross_entropy(bert.next_logits(h), is_random[i])
               for i, h in enumerate(hidden))


def cosines(hidden):
    """Row: first text of a pair, column: second text of a pair."""
    v = [h.mean(0) for h in hidden]
    v = [x / torch.sqrt((x * x).sum()) for x in v]
    return torch.stack([torch.stack([a @ b for b in v[1::2]]) for a in v[0::2]])


def contrast(bert, hidden):
    """Each first text looks for its second among all of another key, and the reverse."""
    z = cosines(hidden) / TEMPERATURE["contrast"]
    loss, n = 0, len(KEYS)
    for i in range(n):
        rivals = [j for j in range(n) if j == i or KEYS[j] != KEYS[i]]
        there = torch.logsumexp(z[i, rivals], 0) - z[i, i]
        back = torch.logsumexp(z[rivals, i], 0) - z[i, i]
        loss = loss + (there + back) / 2
    return loss


def ranked(bert, hidden):
    cosine = torch.diagonal(cosines(hidden))
    whole = 1
    for i, above in enumerate(SCORES):
        for j, below in enumerate(SCORES):
            if above > below:
                whole = whole + torch.exp((cosine[j] - cosine[i]) / TEMPERATURE["ranked"])
    return torch.log(whole)


FUNCTIONS = {"masked": masked, "next": next_sentence, "contrast": contrast,
             "ranked": ranked}


def is_reached(loss, name):
    if name.startswith("pooler.") or name.startswith("cls.seq_relationship."):
        return loss == "next"
    if name.startswith("cls.predictions."):
        return loss == "masked"
    return True


def forward(weights):
    bert = Bert(CONFIG, weights)
    return bert, [bert.encode(ids, segments)[0][-1] for ids, segments in draw_texts(CONFIG)]


def gradients(loss, dtype):
    """The loss, and its weighted derivative by name."""
    w = draw_weights(CONFIG, dtype, requires_grad=True)
    value = FUNCTIONS[loss](*forward(w))
    (value * WEIGHT[loss]).backward()
    for name, p in w.items():
        assert (p.grad is not None) == is_reached(loss, name), name
    return value.item(), {name: p.grad for name, p in w.items() if p.grad is not None}


# ------------------------------------------------------------------------------ the steps


def rate_of(step):
    """Up in a line to RATE at the last step of warm-up, then down to 0 after the last."""
    warm = int(WARMUP * STEPS_IN_ALL)
    if step < warm:
        return RATE * (step + 1) / warm
    return RATE * (STEPS_IN_ALL - step) / (STEPS_IN_ALL - warm + 1)


def clip(parameters):
    norm = torch.sqrt(sum((p.grad**2).sum() for p in parameters))
    for p in parameters:
        p.grad *= min(1.0, CLIP / norm.item())
    return norm.item()


def take_steps(dtype, set_gradients):
    """Three steps; set_gradients(step, weights) leaves a gradient in each parameter."""
    w = draw_weights(CONFIG, dtype, requires_grad=True)
    matrices = [p for p in w.values() if p.dim() == 2]
    vectors = [p for p in w.values() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY},
                                   {"params": vectors, "weight_decay": 0.0}],
                                  lr=RATE, betas=BETAS, eps=EPS)
    norms = []
    for step in range(STEPS):
        optimizer.zero_grad()
        set_gradients(step, w)
        norms.append(clip(list(w.values())))
        for group in optimizer.param_groups:
            group["lr"] = rate_of(step)
        optimizer.step()
    return {name: p.detach() for name, p in w.items()}, norms


def made_up(step, w):
    """Every second step is long enough to be clipped."""
    size = 0.004 if step % 2 == 1 else 0.25
    for name, p in w.items():
        n = p.numel()
        u = 2 * unit(splitmix("made up %d %s" % (step, name), SHARDS * n)) - 1
        u = torch.tensor(u, dtype=p.dtype).reshape(SHARDS, *p.shape)
        p.grad = u.sum(0) * size


def three_losses(step, w):
    bert, hidden = forward(w)
    sum(WEIGHT[k] * FUNCTIONS[k](bert, hidden) for k in LOSSES[:3]).backward()


# ------------------------------------------------------------------------------- the dump


def flat(by_name):
    names = [name for name, _ in shapes(CONFIG) if name in by_name]
    return torch.cat([by_name[name].reshape(-1) for name in names])


def run(dtype):
    """By tensor of the dump: values by name. Then the losses and the gradients' lengths."""
    out, losses = {}, {}
    for loss in LOSSES:
        losses[loss], out[loss] = gradients(loss, dtype)
    out["made_up"], made_up_norms = take_steps(dtype, made_up)
    out["steps"], norms = take_steps(dtype, three_losses)
    return out, losses, made_up_norms + norms


def worst_error(rough, exact, start):
    """The largest error of a parameter's tensor by its largest value, and its name."""
    worst, where = 0, ""
    for name, v in exact.items():
        if "key.bias" in name:
            continue
        size = (v - start[name]).abs().max() if start else v.abs().max()
        error = ((rough[name].double() - v).abs().max() / size).item()
        worst, where = max((worst, where), (error, name))
    return worst, where


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dumps")
    os.makedirs(folder, exist_ok=True)
    exact, losses, norms = run(torch.float64)
    meta = dict(CONFIG, lengths=" ".join(map(str, LENGTHS)),
                names=" ".join(name for name, _ in shapes(CONFIG)),
                losses=" ".join("%.9g" % losses[k] for k in LOSSES),
                norms=" ".join("%.9g" % n for n in norms))
    tensors = {k: np.ascontiguousarray(flat(v).numpy(), dtype=np.float32)
               for k, v in exact.items()}
    path = os.path.join(folder, "gradients.safetensors")
    write_safetensors(path, tensors, meta)
    print("%s: %d bytes, losses %s, norms %s" % (path, os.path.getsize(path),
                                                 meta["losses"], meta["norms"]))
    if "--check" in sys.argv:
        rough, start = run(torch.float32)[0], draw_weights(CONFIG)
        for k, v in exact.items():
            moved = start if k in ("made_up", "steps") else None
            print("%-9s %.1e at %s" % ((k,) + worst_error(rough[k], v, moved)))


if __name__ == "__main__":
    main()
