"""tokenizers.py - small vocabularies for the tests of text/, and what they make of texts.

Plain Python, written from the papers and the descriptions of the formats, by the slowest
way that is sure to be right: byte-pair encoding by joining one pair at a time (Sennrich and
others 2016), Unigram by trying every segmentation (Kudo 2018).

    python3 tests/ref/tokenizers.py tests/data

writes into that folder

    bpe_vocab.json, bpe_merges.txt   byte-level BPE, trained on TEXT below
    unigram.model                    a SentencePiece model with a precompiled map
    tokenizer_cases.json             [tokenizer, text, [[id, start, end], ...]], places in
                                     bytes of UTF-8
"""
import itertools
import json
import math
import struct
import sys
import unicodedata
from collections import Counter

TEXT = """the kettle is on the table and the cat is under the table
she's told me that they'll come when the kettle sings, isn't it so?
a small cat sat on a small mat in 2016 and in 2017
나는 오늘 학교에 갔다 학교에서 친구를 만났다
친구는 고양이를 좋아한다 고양이는 학교에 없다
the cat and 고양이 are the same word in two tongues"""

CASES = [
    "the kettle", "The kettle's on!", "  two  spaces ", " lead", "they'll isn't I'd",
    "고양이는 학교에 없다", "cat고양이 2016년", "caf\u00e9 \u3000wide", "a\tb\nc\r\n d",
    "tea\u0301", "\uff21\uff22 \ufb01sh", "\u1112\u1161\u11ab\uae00", "\U0001f600 ok",
    "\u2581mark \u2581", "'s 't", "12 34\u00bd\u2167", "x" * 9, "\u00a0nbsp\u00a0",
"\u200bzero", "...  !!", "the\u3000\u3000cat", "sat on\u2028a mat",
]


# ---- byte-level BPE ----

def alphabet():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}


ALPHABET = alphabet()
SPACES = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200b)}


def kind(c):
    if c in SPACES:
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(c)[0], "other")


def matches(text):
    """The pattern of GPT-2, one alternative after the other."""
    at = 0
    while at < len(text):
        end = next((at + len(s) for s in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
                    if text.startswith(s, at)), None)
        for what in ("letter", "number", "other"):
            if end is not None:
                break
            first = at + (text[at] == " ")
            last = first
            while last < len(text) and kind(text[last]) == what:
                last += 1
            end = last if last > first else None
        if end is None:
            end = at
            while end < len(text) and kind(text[end]) == "space":
                end += 1
            if end < len(text) and end - at > 1:
                end -= 1
        yield at, end
        at = end


def join(pieces, pair):
    out, i = [], 0
    while i < len(pieces):
        if tuple(pieces[i:i + 2]) == pair:
            out.append(pieces[i] + pieces[i + 1])
            i += 2
        else:
            out.append(pieces[i])
            i += 1
    return out


def signs(word):
    return [ALPHABET[b] for b in word.encode()]


def train_bpe(n_merges):
    words = Counter(TEXT[a:b] for a, b in matches(TEXT))
    split = {w: signs(w) for w in words}
    merges = []
    while len(merges) < n_merges:
        pairs = Counter()
        for w, pieces in split.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] += words[w]
        if not pairs:
            break
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        split = {w: join(p, best) for w, p in split.items()}
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] + sorted(ALPHABET.values())
    vocab += [a + b for a, b in merges if a + b not in vocab]
    return {p: i for i, p in enumerate(dict.fromkeys(vocab))}, merges


def bpe(word, merges):
    pieces = signs(word)
    for pair in merges:  # by rank: a pair never comes back once all of it is joined
        pieces = join(pieces, pair)
    return pieces


def trim(text, start, end):
    """Characters [start, end) without white space at the ends, unless it is all."""
    if all(c in SPACES for c in text[start:end]):
        return start, end
    while text[start] in SPACES:
        start += 1
    while text[end - 1] in SPACES:
        end -= 1
    return start, end


def in_bytes(text, start, end):
    return len(text[:start].encode()), len(text[:end].encode())


def encode_bpe(text, vocab, merges):
    out = []
    for a, b in matches(text):
        owner = [i for i in range(a, b) for _ in text[i].encode()]
        at = 0
        for piece in bpe(text[a:b], merges):
            n = len(piece)
            place = trim(text, owner[at], owner[at + n - 1] + 1)
            out.append([vocab[piece], *in_bytes(text, *place)])
            at += n
    return out


# ---- Unigram ----

MAP = {"\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\u200b": "",
       "\ufb01": "fi", "\uff21": "A", "\uff22": "B", "e\u0301": "\u00e9",
       "\u1112\u1161": "하", "\u1112\u1161\u11ab": "한", "\u00bd": "1\u20442"}
MARK = "\u2581"


def train_unigram():
    words = Counter(MARK + w for w in TEXT.split())
    parts = Counter()
    for w, n in words.items():
        for a, b in itertools.combinations(range(len(w) + 1), 2):
            if b - a <= 6:
                parts[w[a:b]] += n
    kept = [p for p, n in parts.items() if n > 1 or len(p) == 1]
    total = sum(parts[p] for p in kept)
    pieces = [(p, math.log(parts[p] / total) + 0.7 * len(p)) for p in sorted(kept)]
    single = lambda x: struct.unpack("<f", struct.pack("<f", x))[0]
    return [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)] + [
        (p, single(s)) for p, s in sorted(pieces, key=lambda x: (-x[1], x[0]))]


def normalize(text):
    """Characters with the ranges of characters they come from."""
    out, at = [], 0
    while at < len(text):
        n = next((n for n in (3, 2, 1) if text[at:at + n] in MAP), 0)
        for c in MAP[text[at:at + n]] if n else text[at]:
            out.append((c, at, at + max(n, 1)))
        at += max(n, 1)
    while out and out[0][0] in SPACES:
        out.pop(0)
    while out and out[-1][0] in SPACES:
        out.pop()
    single = []
    for c, a, b in out:
        if c == " " and single and single[-1][0] == " ":
            single[-1] = (" ", single[-1][1], b)
        else:
            single.append((c, a, b))
    marked = [(MARK if c == " " else c, a, b) for c, a, b in single]
    if marked and marked[0][0] != MARK:
        marked.insert(0, (MARK, *marked[0][1:]))
    return marked


def segmentations(word):
    if not word:
        yield []
    for n in range(1, len(word) + 1):
        for rest in segmentations(word[n:]):
            yield [word[:n], *rest]


def unigram(word, scores, unk):
    """The best of all segmentations into pieces and unknown characters."""
    best = None
    for pieces in segmentations(word):
        if any(p not in scores and len(p) > 1 for p in pieces):
            continue
        score = sum(scores.get(p, unk) for p in pieces)
        if best is None or score > best[0]:
            best = score, pieces
    fused = []
    for p in best[1]:
        if p not in scores and fused and fused[-1] not in scores:
            fused[-1] += p
        else:
            fused.append(p)
    return fused


def encode_unigram(text, pieces):
    """Ids as in fairseq: one more than in the model, <unk> 3."""
    scores = dict(pieces[3:])
    ids = {p: i + 1 for i, (p, _) in enumerate(pieces)}
    unk = min(scores.values()) - 10
    chars, out, at = normalize(text), [], 0
    while at < len(chars):
        end = at + 1
        while end < len(chars) and chars[end][0] != MARK:
            end += 1
        for piece in unigram("".join(c for c, _, _ in chars[at:end]), scores, unk):
            inside = chars[at:at + len(piece)]
            place = trim(text, inside[0][1], inside[-1][2])
            out.append([ids.get(piece, 3) if piece in scores else 3, *in_bytes(text, *place)])
            at += len(piece)
    return out


def double_array(keys):
    """Darts-clone's units of {bytes: value}."""
    trie = {}
    for key, value in keys.items():
        node = trie
        for b in key:
            node = node.setdefault(b, {})
        node[None] = value
    units, used = {0: 0}, {0}

    def place(node, at):
        labels = [0 if b is None else b for b in node]
        offset = next(o for o in itertools.count(1)
                      if all((at ^ o ^ b) not in used for b in labels))
        units[at] |= offset << 10 | (0x100 if None in node else 0)
        used.update(at ^ offset ^ b for b in labels)
        for b in node:
            to = at ^ offset ^ (b or 0)
            units[to] = 0x80000000 | node[b] if b is None else b
        for b in node:
            if b is not None:
                place(node[b], at ^ offset ^ b)

    place(trie, 0)
    # The label of a free unit is 255, which is no byte of UTF-8.
    return [units.get(i, 0x1ff if i else 0) for i in range((max(units) | 255) + 1)]


def charsmap():
    texts, keys = b"", {}
    for key, value in MAP.items():
        keys[key.encode()] = len(texts)
        texts += value.encode() + b"\0"
    trie = b"".join(struct.pack("<I", u) for u in double_array(keys))
    return struct.pack("<I", len(trie)) + trie + texts


def varint(n):
    return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def model(pieces):
    out = b""
    for i, (piece, score) in enumerate(pieces):
        kind_of = b"" if i > 2 else b"\x18" + bytes([2 if i == 0 else 3])
        out += field(1, field(1, piece.encode()) + b"\x15" + struct.pack("<f", score) + kind_of)
    return out + field(2, b"\x18\x01") + field(3, field(1, b"tiny") + field(2, charsmap()))


def main(folder):
    vocab, merges = train_bpe(120)
    pieces = train_unigram()
    cases = [["bpe", t, encode_bpe(t, vocab, merges)] for t in CASES]
    cases += [["unigram", t, encode_unigram(t, pieces)] for t in CASES]
    with open(f"{folder}/bpe_vocab.json", "w") as f:
        json.dump(vocab, f)
    with open(f"{folder}/bpe_merges.txt", "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    with open(f"{folder}/unigram.model", "wb") as f:
        f.write(model(pieces))
    with open(f"{folder}/tokenizer_cases.json", "w") as f:
        f.write("[" + ",\n".join(json.dumps(c) for c in cases) + "]\n")


if __name__ == "__main__":
    main(sys.argv[1])
