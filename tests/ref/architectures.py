#!/usr/bin/env python3
"""Tiny complete checkpoints of every architecture we open, and what they must give.

    /usr/bin/python3 tests/ref/architectures.py            writes tests/ref/checkpoints/*
    /usr/bin/python3 tests/ref/architectures.py --check    also says how far float32 is,
        and counts the parameters of these graphs at the size of published models

Each directory is what Hugging Face would have saved (random weights, real names and keys,
a WordPiece vocabulary with the family's special ids) and expected.safetensors, computed in
float64 by graphs.py and stored as float32. Needs Debian's python3-torch.

    ids, segment   T              all texts end to end
    start          n_texts + 1
    hidden         L + 1, T, D    hidden_states of that model, the last after any final norm
    attention      L, H, n, n     softmax weights of the first text
    pooled         n_texts, D     tanh pooler
    next           n_texts, 2     logits
    logits         n_texts, n_labels
    token_logits   T, n_labels
    answer         T, 2           logits of start and end
    mlm            n_texts, V     probabilities at the first token
    vector         n_texts, D     of static embeddings: mean, normalized if the model says so

Its metadata: `family`, and `parameters`, tied tensors once, integers not at all.
"""
import json
import math
import os
import shutil
import struct
import sys

import numpy as np
import torch

import graphs
from configs import CHECKPOINTS, PUBLISHED
from encoder import splitmix, unit

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checkpoints")
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class Store:
    """The tensors of a checkpoint, drawn when they are first asked for."""

    def __init__(self, name, dtype):
        self.name, self.dtype = name, TYPES[dtype]
        self.tensors, self.compute = {}, torch.float64

    def draw(self, name, shape):
        n = math.prod(shape)
        z = splitmix(self.name + "/" + name, n)
        if name == "mapping":
            return torch.tensor((z % np.uint64(self.rows)).astype(np.int64))
        u = torch.tensor(2 * unit(z) - 1).reshape(shape)
        if name == "weights":  # numpy's own type, whatever the table's is
            return 1.0 + 0.25 * u.double()
        if len(shape) == 1:
            is_gain = name.endswith(".weight")
            return ((1.0 if is_gain else 0.0) + 0.25 * u).to(self.dtype)
        is_table = "embedding" in name and not name.endswith(("_in.weight", "project.weight"))
        width = 1.0 if is_table or "relative" in name else 1.5 * math.sqrt(3.0 / shape[-1])
        return (u * width).to(self.dtype)

    def __call__(self, name, *shape):
        if name not in self.tensors:
            self.tensors[name] = self.draw(name, shape)
        t = self.tensors[name]
        assert tuple(t.shape) == shape, (name, t.shape, shape)
        return t if t.dtype == torch.int64 else t.to(self.compute)


class Sizes:
    """A store that only notes how large each tensor is."""

    def __init__(self):
        self.of = {}

    def __call__(self, name, *shape):
        self.of[name] = math.prod(shape)
        return torch.zeros(1, dtype=torch.float64).expand(shape)


def check_counts():
    for c in PUBLISHED:
        sizes = Sizes()
        run(c, sizes)
        n = sum(sizes.of.values())
        print("%-28s %11d parameters, published %11d" % (c["name"], n, c["published"]))
        assert n == c["published"]


def draw_texts(c):
    """[CLS] ... [SEP] each, [CLS] alone if it is one token; the last text is a pair where
    the model has two segments."""
    special = c["special"]
    words = [i for i in range(c["vocab"]) if i not in special.values()]
    z = splitmix(c["name"] + "/ids", sum(c["lengths"]))
    texts, at = [], 0
    for t, n in enumerate(c["lengths"]):
        ids = [words[int(z[at + i] % np.uint64(len(words)))] for i in range(n)]
        segments = [0] * n
        if c["adds_special"]:
            ids[0] = special["cls"]
            ids[1:] = ids[1:-1] + [special["sep"]] if n > 1 else []
        if c["is_pair"] and t == len(c["lengths"]) - 1:
            ids[n // 2] = special["sep"]
            segments = [int(i > n // 2) for i in range(n)]
        texts.append((torch.tensor(ids), torch.tensor(segments)))
        at += n
    return texts


def run(c, store):
    """Everything the checkpoint can be asked for."""
    g = getattr(graphs, c["graph"])(c["config"], store, c["has_prefix"])
    out, states = {}, []
    for t, (ids, segments) in enumerate(draw_texts(c)):
        hidden, looks = g.encode(ids, segments)
        states.append(torch.stack(hidden))
        h = hidden[-1]
        if t == 0 and looks:
            out["attention"] = torch.stack(looks)
        for head in c["heads"]:
            if head == "mlm":
                value = torch.softmax(g.mlm(h[0]), -1)
            else:
                value = getattr(g, {"logits": "classify", "token_logits": "tokens"}.get(
                    head, head))(h)
            out.setdefault(head, []).append(value)
    for head in c["heads"]:
        join = torch.cat if head in ("token_logits", "answer") else torch.stack
        out[head] = join(out[head])
    out["hidden"] = torch.cat(states, 1)
    return out


def write_safetensors(path, tensors, metadata):
    names = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16",
             torch.bfloat16: "BF16", torch.int64: "I64"}
    header, at, parts = {"__metadata__": metadata}, 0, []
    for name in sorted(tensors):
        t = tensors[name].contiguous()
        raw = t.view(torch.int16) if t.dtype == torch.bfloat16 else t
        parts.append(raw.numpy().tobytes())
        header[name] = {"dtype": names[t.dtype], "shape": list(t.shape),
                        "data_offsets": [at, at + len(parts[-1])]}
        at += len(parts[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def tensors_to_save(c, store):
    """As the file has them: buffers and copies added, names of old days."""
    out = dict(store.tensors)
    for name, source in c["copies"].items():
        out[name] = store.tensors[source]
    for name, n in c["buffers"].items():
        out[name] = torch.arange(n)[None]
    for old, new in c["renamed"]:
        out = {name.replace(old, new): t for name, t in out.items()}
    return out


def tokenizer_json(c, pieces):
    special = [p for p in pieces if p.startswith("[")]
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [{"id": pieces.index(p), "content": p, "single_word": False,
                              "lstrip": False, "rstrip": False, "normalized": False,
                              "special": True} for p in special],
            "normalizer": {"type": "BertNormalizer", "clean_text": True,
                           "handle_chinese_chars": True, "strip_accents": None,
                           "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                           {"Sequence": {"id": "A", "type_id": 0}},
                           {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
                "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                         {"Sequence": {"id": "A", "type_id": 0}},
                         {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                         {"Sequence": {"id": "B", "type_id": 1}},
                         {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                "special_tokens": {p: {"id": p, "ids": [pieces.index(p)], "tokens": [p]}
                                   for p in ("[CLS]", "[SEP]")}},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]",
                      "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                      "vocab": {p: i for i, p in enumerate(pieces)}}}


def write_json(path, value):
    with open(path, "w") as f:
        f.write(json.dumps(value, indent=2) + "\n")


def write_tokenizer(folder, c):
    """vocab.txt and tokenizer_config.json, or tokenizer.json where the model has only it."""
    names = {i: "[%s]" % k.upper() for k, i in c["special"].items()}
    plain = iter("abcdefghijklmnopqrstuvwxyz0123456789.,?!-'" +
                 "".join(chr(0xAC00 + 28 * 21 * i) for i in range(19)))
    pieces = [names.get(i) or next(plain) for i in range(c["vocab"] - 6)]
    pieces += ["##" + p for p in "aeiost"]
    if c["has_tokenizer_json"]:
        write_json(os.path.join(folder, "tokenizer.json"), tokenizer_json(c, pieces))
        return
    with open(os.path.join(folder, "vocab.txt"), "w") as f:
        f.write("".join(p + "\n" for p in pieces))
    write_json(os.path.join(folder, "tokenizer_config.json"),
               {"tokenizer_class": "BertTokenizer", "do_lower_case": True,
                "strip_accents": None, "tokenize_chinese_chars": True,
                "cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]",
                "sep_token": "[SEP]", "unk_token": "[UNK]",
                "model_max_length": c["max_length"]})


def write_checkpoint(c, store, expected):
    folder = os.path.join(FOLDER, c["name"])
    shutil.rmtree(folder, ignore_errors=True)
    inner = os.path.join(folder, c["subfolder"])
    os.makedirs(inner)
    for name, value in c["files"].items():
        write_json(os.path.join(folder, name), value)
    write_tokenizer(inner, c)
    write_safetensors(os.path.join(inner, "model.safetensors"), tensors_to_save(c, store),
                      {"format": "pt"})
    texts = draw_texts(c)
    start = np.cumsum([0] + [len(ids) for ids, _ in texts])
    tensors = {k: v.float() for k, v in expected.items()}
    tensors["ids"] = torch.cat([ids for ids, _ in texts]).float()
    tensors["segment"] = torch.cat([segments for _, segments in texts]).float()
    tensors["start"] = torch.tensor(start).float()
    count = sum(t.numel() for t in store.tensors.values() if t.dtype != torch.int64)
    write_safetensors(os.path.join(folder, "expected.safetensors"), tensors,
                      {"family": c["graph"].lower(), "parameters": str(count)})
    return sum(os.path.getsize(os.path.join(at, f))
               for at, _, files in os.walk(folder) for f in files)


def main():
    total = 0
    for c in CHECKPOINTS:
        store = Store(c["name"], c["dtype"])
        store.rows = c["config"].get("n_rows")
        expected = run(c, store)
        size = write_checkpoint(c, store, expected)
        total += size
        line = "%-22s %7d bytes" % (c["name"], size)
        if "--check" in sys.argv:
            store.compute = torch.float32
            for k, v in run(c, store).items():
                worst = (v.double() - expected[k]).abs().max() / expected[k].abs().max()
                line += "  %s %.1e" % (k, worst)
        print(line)
    print("%d checkpoints, %d bytes" % (len(CHECKPOINTS), total))
    if "--check" in sys.argv:
        check_counts()


if __name__ == "__main__":
    main()
