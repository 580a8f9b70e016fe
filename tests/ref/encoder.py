#!/usr/bin/env python3
"""BERT in plain PyTorch, and the numbers that tests/engine/encode/test_reference.c expects.

    python3 tests/ref/encoder.py            writes tests/ref/dumps/*.safetensors
    python3 tests/ref/encoder.py --check    also says how far float32 is from float64

Written from the paper (Devlin et al. 2018, Vaswani et al. 2017) with tensor operations
only, one text at a time, so that it shares no idea of padding or packing with the engine.
Everything is computed in float64 and stored as float32. Needs Debian's python3-torch.

Weights and ids are not stored: both sides draw them from splitmix64, seeded with the
FNV-1a hash of a tensor's name (tests/engine/encode/random_model.h is the other side).

A dump holds the configuration as metadata and these tensors:

    hidden      (L + 1) x S x D   after the embeddings and each layer, every step-th token
    attention   L x H x n x n     softmax weights of text `watched`
    pooled      n_texts x D
    mlm         n_texts x V       probabilities at the first token of each text
    next        n_texts x 2       probabilities
    classes     n_texts x labels  scores as enc_head_classify gives them
"""
import json
import math
import os
import struct
import sys

import numpy as np
import torch

# ---------------------------------------------------------------- numbers both sides draw


def splitmix(name, n):
    """The first n values of splitmix64 for a tensor's name."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & (2**64 - 1)
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def unit(z):
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def draw_vector(name, n):
    u = np.float32(2) * unit(splitmix(name, n)) - np.float32(1)
    one = np.float32(1 if "LayerNorm.weight" in name else 0)
    return one + np.float32(0.25) * u


def draw_matrix(name, rows, cols, is_int8, gain):
    width = np.float32(1)
    if not name.startswith("embeddings."):
        width = np.float32(math.sqrt(3.0 / cols)) * np.float32(gain)
    z = splitmix(name, rows * cols + rows)
    if not is_int8:
        u = np.float32(2) * unit(z[:rows * cols]) - np.float32(1)
        return (u * width).reshape(rows, cols)
    q = (z[:rows * cols] % np.uint64(255)).astype(np.int64) - 127
    scale = (np.float32(0.5) + unit(z[rows * cols:])) * width / np.float32(127)
    # The product of an int8 and a float32 is exact in float64, as the engine's sums see it.
    return q.reshape(rows, cols).astype(np.float64) * scale.astype(np.float64)[:, None]


# ------------------------------------------------------------------------------ the model


def shapes(c):
    """Names and shapes of all parameters; a vector has one number."""
    D, inner, V = c["hidden"], c["inner"], c["vocab"]

    def linear(name, rows, cols):
        return [(name + ".weight", (rows, cols)), (name + ".bias", (rows,))]

    def norm(name):
        return [(name + ".weight", (D,)), (name + ".bias", (D,))]

    out = [("embeddings.word_embeddings.weight", (V, D)),
           ("embeddings.position_embeddings.weight", (c["positions"], D)),
           ("embeddings.token_type_embeddings.weight", (c["segments"], D))]
    out += norm("embeddings.LayerNorm")
    for i in range(c["layers"]):
        p = "encoder.layer.%d." % i
        for part in ("query", "key", "value"):
            out += linear(p + "attention.self." + part, D, D)
        out += linear(p + "attention.output.dense", D, D)
        out += norm(p + "attention.output.LayerNorm")
        out += linear(p + "intermediate.dense", inner, D)
        out += linear(p + "output.dense", D, inner)
        out += norm(p + "output.LayerNorm")
    out += linear("pooler.dense", D, D)
    if c["labels"] > 0:
        out += linear("classifier", c["labels"], D)
    out += linear("cls.predictions.transform.dense", D, D)
    out += norm("cls.predictions.transform.LayerNorm")
    out += [("cls.predictions.bias", (V,))]
    out += linear("cls.seq_relationship", 2, D)
    return out


def draw_weights(c, dtype=torch.float64, requires_grad=False):
    weights = {}
    for name, shape in shapes(c):
        if len(shape) == 1:
            value = draw_vector(name, shape[0])
        else:
            value = draw_matrix(name, shape[0], shape[1], c["int8"], c["gain"])
        weights[name] = torch.tensor(value, dtype=dtype).requires_grad_(requires_grad)
    return weights


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS = {"gelu": gelu, "gelu_new": gelu_tanh, "relu": lambda x: x.clamp(min=0),
               "silu": lambda x: x * torch.sigmoid(x)}


class Bert:
    """Functions of one text's ids and segments; differentiable in self.w."""

    def __init__(self, config, weights):
        self.c = config
        self.w = weights
        self.act = ACTIVATIONS[config["act"]]

    def linear(self, name, x):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, name, x):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean)**2).mean(-1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + self.c["eps"])
        return x * self.w[name + ".weight"] + self.w[name + ".bias"]

    def attention(self, prefix, x):
        """Returns the mixed values, n x D, and the weights, H x n x n."""
        n, H = x.shape[0], self.c["heads"]
        dims = self.c["hidden"] // H
        q, k, v = (self.linear(prefix + "self." + part, x).view(n, H, dims).transpose(0, 1)
                   for part in ("query", "key", "value"))
        weights = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(dims), -1)
        return (weights @ v).transpose(0, 1).reshape(n, H * dims), weights

    def encode(self, ids, segments):
        """Returns the hidden states of all layers and the attention weights of all."""
        x = (self.w["embeddings.word_embeddings.weight"][ids] +
             self.w["embeddings.position_embeddings.weight"][:len(ids)] +
             self.w["embeddings.token_type_embeddings.weight"][segments])
        states, looks = [self.norm("embeddings.LayerNorm", x)], []
        for i in range(self.c["layers"]):
            p = "encoder.layer.%d." % i
            x = states[-1]
            mixed, look = self.attention(p + "attention.", x)
            x = self.norm(p + "attention.output.LayerNorm",
                          x + self.linear(p + "attention.output.dense", mixed))
            inner = self.act(self.linear(p + "intermediate.dense", x))
            x = self.norm(p + "output.LayerNorm",
                          x + self.linear(p + "output.dense", inner))
            states.append(x)
            looks.append(look)
        return states, looks

    def pooled(self, hidden):
        return torch.tanh(self.linear("pooler.dense", hidden[0]))

    def mlm_logits(self, hidden):
        x = self.act(self.linear("cls.predictions.transform.dense", hidden))
        x = self.norm("cls.predictions.transform.LayerNorm", x)
        return (x @ self.w["embeddings.word_embeddings.weight"].T +
                self.w["cls.predictions.bias"])

    def next_logits(self, hidden):
        return self.linear("cls.seq_relationship", self.pooled(hidden))

    def class_scores(self, hidden):
        logits = self.linear("classifier", self.pooled(hidden))
        if self.c["problem"] == "single_label_classification":
            return torch.softmax(logits, -1)
        if self.c["problem"] == "multi_label_classification":
            return torch.sigmoid(logits)
        return logits


# ------------------------------------------------------------------------------- the dumps

SINGLE, MULTI, REGRESSION = ("single_label_classification", "multi_label_classification",
                             "regression")


def config(name, hidden, heads, inner, layers, lengths, **more):
    c = dict(name=name, hidden=hidden, heads=heads, inner=inner, layers=layers,
             lengths=lengths, vocab=61, positions=64, segments=2, act="gelu", eps=1e-12,
             labels=3, problem=SINGLE, int8=0, gain=1.0, step=1, watched=1)
    c.update(more)
    return c


CONFIGS = [
    config("odd", 24, 3, 40, 3, [1, 2, 7, 16, 17, 33]),
    config("narrow_heads", 96, 12, 384, 2, [5, 9, 3, 1], act="gelu", gain=1.5),
    config("tanh", 64, 4, 256, 3, [4, 11, 18], act="gelu_new", labels=1, problem=REGRESSION),
    config("relu_pairs", 48, 1, 100, 2, [6, 13, 20, 31], act="relu", eps=1e-5, labels=4,
           problem=MULTI),
    config("long", 32, 2, 64, 2, [512, 15, 300], positions=512, step=9, gain=2.0),
    config("int8", 64, 2, 256, 3, [3, 8, 21, 32], int8=1, gain=1.2, vocab=130),
    config("silu_one_segment", 40, 5, 72, 2, [2, 10, 15], act="silu", segments=1),
    config("deep", 64, 1, 128, 12, [12, 3], labels=2),
    config("tiny_bert", 312, 12, 1200, 2, [6, 9, 1], vocab=97, labels=0),
    config("minilm_shape", 384, 12, 1536, 1, [8, 3], vocab=97, step=1),
]


def draw_texts(c):
    """Ids run on through all texts; every second text is a pair, cut in the middle."""
    ids = (splitmix("ids", sum(c["lengths"])) % np.uint64(c["vocab"])).astype(np.int64)
    texts, at = [], 0
    for t, n in enumerate(c["lengths"]):
        is_pair = c["segments"] > 1 and t % 2 == 1
        segments = [1 if is_pair and i >= (n + 1) // 2 else 0 for i in range(n)]
        texts.append((torch.tensor(ids[at:at + n]), torch.tensor(segments)))
        at += n
    return texts


def run(c, dtype=torch.float64):
    """The tensors of a dump."""
    bert = Bert(c, draw_weights(c, dtype))
    all_states, out = [], {"pooled": [], "mlm": [], "next": [], "classes": []}
    for t, (ids, segments) in enumerate(draw_texts(c)):
        states, looks = bert.encode(ids, segments)
        all_states.append(torch.stack(states))
        if t == c["watched"]:
            out["attention"] = torch.stack(looks)
        out["pooled"].append(bert.pooled(states[-1]))
        out["mlm"].append(torch.softmax(bert.mlm_logits(states[-1][0]), -1))
        out["next"].append(torch.softmax(bert.next_logits(states[-1]), -1))
        if c["labels"] > 0:
            out["classes"].append(bert.class_scores(states[-1]))
    out = {k: v if torch.is_tensor(v) else torch.stack(v) for k, v in out.items() if len(v)}
    out["hidden"] = torch.cat(all_states, 1)[:, ::c["step"]]
    return out


def write_safetensors(path, tensors, metadata):
    """Float32 tensors by name, metadata of texts."""
    header, at = {"__metadata__": {k: str(v) for k, v in metadata.items()}}, 0
    names = sorted(tensors)
    for name in names:
        n = tensors[name].size * 4
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape),
                        "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            f.write(tensors[name].tobytes())


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dumps")
    os.makedirs(folder, exist_ok=True)
    for c in CONFIGS:
        exact = run(c)
        tensors = {k: np.ascontiguousarray(v.numpy(), dtype=np.float32)
                   for k, v in exact.items()}
        meta = dict(c, lengths=" ".join(map(str, c["lengths"])))
        path = os.path.join(folder, c["name"] + ".safetensors")
        write_safetensors(path, tensors, meta)
        line = "%-18s %7d bytes" % (c["name"], os.path.getsize(path))
        if "--check" in sys.argv:
            for k, v in run(c, torch.float32).items():
                worst = (v.double() - exact[k]).abs().max() / exact[k].abs().max()
                line += "  %s %.1e" % (k, worst)
        print(line)


if __name__ == "__main__":
    main()
