"""Writes the first inputs of the fuzz targets: seeds.py FOLDER makes FOLDER/<target>/*.

They come from the small files in tests/data and tests/ref/checkpoints; libFuzzer finds
the others from there. Also makes the tokenizers in tests/data/tokenizers, which
fuzz_text reads, with --tokenizers.
"""
import base64
import glob
import json
import os
import struct
import sys

PART = b"\x1e"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def word_piece():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "ab", "##a", "##b", "##ab",
              "the", "##s", "가", "나", "##다", "中", ".", ",", "e", "##e", "1"]
    return {
        "added_tokens": [
            {"id": i, "content": p, "special": True, "single_word": False, "lstrip": p == "[MASK]",
             "rstrip": False, "normalized": False} for i, p in enumerate(pieces[:5])],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 20,
                  "vocab": {p: i for i, p in enumerate(pieces)}}}


def alphabet():
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    chars, n = {b: chr(b) for b in printed}, 0
    for b in range(256):
        if b not in chars:
            chars[b] = chr(256 + n)
            n += 1
    return [chars[b] for b in range(256)]


def byte_pairs():
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] + alphabet()
    merges = [["a", "b"], ["Ġ", "a"], ["Ġa", "b"], ["t", "h"], ["th", "e"], ["Ġ", "the"],
              ["ê", "°"], ["ab", "ab"], ["Ġ", "Ġ"]]
    pieces += [left + right for left, right in merges]
    return {
        "added_tokens": [
            {"id": i, "content": p, "special": True, "single_word": False, "lstrip": p == "<mask>",
             "rstrip": False, "normalized": False} for i, p in enumerate(pieces[:5])],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0],
                           "trim_offsets": True, "add_prefix_space": False},
        "model": {"type": "BPE", "vocab": {p: i for i, p in enumerate(pieces)},
                  "merges": [" ".join(m) for m in merges]}}


def words_by_pairs():
    chars = list("abcdethx") + ["가", "é"]
    pieces = ["<unk>", "<s>", "</s>"] + chars + [c + "</w>" for c in chars]
    merges = [["a", "b"], ["ab", "c</w>"], ["t", "h"], ["th", "e</w>"], ["a", "b</w>"]]
    pieces += [left + right for left, right in merges]
    return {
        "added_tokens": [{"id": 0, "content": "<unk>", "special": True}],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFKC"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "model": {"type": "BPE", "unk_token": "<unk>", "end_of_word_suffix": "</w>",
                  "fuse_unk": True, "vocab": {p: i for i, p in enumerate(pieces)},
                  "merges": merges}}


def unit(label=0, has_leaf=False, offset=0, value=None):
    if value is not None:
        return 1 << 31 | value
    return label | (1 << 8 if has_leaf else 0) | offset << 10


def charsmap():
    """'A' becomes 'a', 'AB' becomes 'x': one trie of 256 + 256 units."""
    units = [0] * 1024
    units[0] = unit(offset=256)
    a = 256 ^ ord("A")
    units[a] = unit(label=ord("A"), has_leaf=True, offset=512)
    units[a ^ 512] = unit(value=0)
    ab = a ^ 512 ^ ord("B")
    units[ab] = unit(label=ord("B"), has_leaf=True, offset=128)
    units[ab ^ 128] = unit(value=2)
    trie = b"".join(struct.pack("<I", u) for u in units)
    return struct.pack("<I", len(trie)) + trie + b"a\0x\0"


def unigram():
    pieces = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["▁", -2.0],
              ["▁a", -3.5], ["a", -4.0], ["b", -4.25], ["ab", -5.0], ["▁the", -3.0],
              ["가", -6.0], ["나다", -7.0], ["x", -8.0], ["<mask>", 0.0]]
    return {
        "added_tokens": [
            {"id": i, "content": pieces[i][0], "special": True, "lstrip": i == 13}
            for i in (0, 1, 2, 3, 13)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap()).decode()},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
                          "split": True},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                      {"Sequence": {"id": "A", "type_id": 0}},
                                      {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                    {"Sequence": {"id": "A", "type_id": 0}},
                                    {"SpecialToken": {"id": "</s>", "type_id": 0}},
                                    {"Sequence": {"id": "B", "type_id": 1}},
                                    {"SpecialToken": {"id": "</s>", "type_id": 1}}],
                           "special_tokens": {
                               "<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                               "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}},
        "model": {"type": "Unigram", "unk_id": 3, "vocab": pieces}}


def with_steps():
    t = unigram()
    t["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "NFD"}, {"type": "StripAccents"}, {"type": "NFKC"}, {"type": "Lowercase"},
        {"type": "Replace", "pattern": {"String": "``"}, "content": "\""},
        {"type": "Replace", "pattern": {"String": "b"}, "content": "가나다"},
        {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Prepend", "prepend": "x"}]}
    t["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"},
        {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}]}
    return t


def whole():
    t = words_by_pairs()
    t["pre_tokenizer"] = None
    t["normalizer"] = {"type": "NFC"}
    t["added_tokens"].append({"id": 3, "content": "a", "special": False, "single_word": True,
                              "normalized": True})
    return t


TOKENIZERS = {"wordpiece": word_piece, "bpe": byte_pairs, "bpe_words": words_by_pairs,
              "unigram": unigram, "steps": with_steps, "whole": whole}
TEXTS = ["the ab abba [MASK] <mask>, 가나다 中文 é AB",
         "", " ", "a\0b\xa0\u2028c", "e\u0301\u0323 \ufb01 \u1100\u1161\u11a8 \U0001f600",
         "it's we'll 123 45.6 ...   end  ", "<s></s>[CLS][SEP]", "aaaaaaaaaaaaaaaaaaaaaaaaab"]
RAW = [b"\xff\xfe a \xc0\x80 \xed\xa0\x80 \xf5\x80\x80\x80 \xe2\x96", b"\xef\xbb\xbf the"]


def field(number, kind, body):
    return bytes([number << 3 | kind]) + body


def sized(number, body):
    n, head = len(body), b""
    while n > 127:
        head, n = head + bytes([n & 127 | 128]), n >> 7
    return field(number, 2, head + bytes([n]) + body)


def sentence_piece(kind, mapped):
    out = b""
    for i, (piece, score) in enumerate([("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)] +
                                       [tuple(p) for p in unigram()["model"]["vocab"][4:13]]):
        body = sized(1, piece.encode()) + field(2, 5, struct.pack("<f", score))
        out += sized(1, body + (field(3, 0, bytes([2 if i == 0 else 3])) if i < 3 else b""))
    out += sized(2, field(3, 0, bytes([kind])))
    return out + sized(3, (sized(2, charsmap()) if mapped else b"") + field(3, 0, b"\1"))


def head():
    labels = [b"no", b"yes"]
    out = b"ENCH" + struct.pack("<HHIIddII", 1, 0, 2, 3, 0.5, 0.75, 4, 2) + bytes(16)
    out += b"".join(struct.pack("<H", len(s)) + s for s in labels)
    return out + struct.pack("<4I", 1, 0, 0, 1) + struct.pack("<8f", *range(8))


def segment(rows, dims):
    out = b"ESEG" + struct.pack("<HHI", 1, rows, dims)
    out += b"".join(struct.pack("<q", i * 7 - 3) for i in range(rows))
    for value in (0.01, 0.125, 1.0):
        out += struct.pack("<f", value) * rows
    return out + bytes(i % 120 for i in range(rows * dims))


KINDS = rb'''{"t\u00e9\ud83d\ude00": "\"\\\/\b\f\n\r\t", "w": [true, false, null], "o": {}, "a": [],
 "i": [0, -1, 9223372036854775807, -9223372036854775808], "b": 0, "c": 0, "d": 0, "e": 0, "f": 0,
 "r": [0.1, -2.5E-3, 1e+22, 123456789012345678901234567890.5], "g": {"b": {"b": [[{}]]}}}'''


def seeds():
    """(target, name, bytes)"""
    yield "json", "kinds", KINDS
    for path in sorted(glob.glob("tests/data/gguf/*.gguf")):
        if os.path.getsize(path) < 10000:
            yield "gguf", os.path.basename(path), read(path)
    tokenizers = {name: json.dumps(make(), ensure_ascii=False).encode()
                  for name, make in TOKENIZERS.items()}
    tokenizers["tiny"] = read("tests/data/tiny/tokenizer.json")
    for i, (name, text) in enumerate(tokenizers.items()):
        yield "tokjson", name, PART.join([TEXTS[0].encode(), text,
                                          b'{"model_max_length": 64, "do_lower_case": true}'])
        yield "json", name, text
    for i, text in enumerate([t.encode() for t in TEXTS] + RAW):
        for kind in range(len(TOKENIZERS)):
            yield "text", f"{i}-{kind}", bytes([kind]) + text
    config = b'{"do_lower_case": true, "model_max_length": 64, "tokenizer_class": "%s", ' \
             b'"mask_token": "<mask>", "added_tokens_decoder": {"0": {"content": "%s", "special": true}}}'
    special = read("tests/data/tiny/special_tokens_map.json")
    yield "vocab", "bert", PART.join([TEXTS[0].encode(), read("tests/data/tiny/vocab.txt"),
                                      read("tests/data/tiny/tokenizer_config.json"), special])
    pairs = byte_pairs()["model"]
    yield "vocab", "roberta", PART.join([
        TEXTS[0].encode(), b"", config % (b"RobertaTokenizer", b"<s>"), special,
        json.dumps(pairs["vocab"], ensure_ascii=False).encode(),
        b"#version: 0.2\n" + "\n".join(pairs["merges"]).encode()])
    words = words_by_pairs()["model"]
    yield "vocab", "gpt", PART.join([
        TEXTS[0].encode(), b"", b"{}", b"", json.dumps(words["vocab"], ensure_ascii=False).encode(),
        "\n".join(" ".join(m) for m in words["merges"]).encode()])
    for kind in (1, 2):
        for name in (b"XLMRobertaTokenizer", b"AlbertTokenizer", b"T5Tokenizer"):
            yield "spm", f"{kind}-{name.decode()}", PART.join([
                TEXTS[0].encode(), config % (name, b"<unk>"), sentence_piece(kind, kind == 1)])
    yield "blob", "head", b"\1\0" + head()
    yield "blob", "segment", b"\0\5" + segment(3, 5)
    yield "blob", "empty", b"\0\5" + segment(0, 5)
    for kind in range(6):
        for flags in (0x40, 0x81):
            how = bytes([kind, flags, 255, 255, 1, 0, 4, 0, 3, 7, 0, 4, 3, 1, 1, 1, 2, 9, 0, 8])
            yield "shadow", f"{kind}-{flags}", how + b"\xff\0\0\x80\1\2\3\4"
    yield from of_models()


def header_of(data):
    n = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + n]), data[8 + n:]


def blob_of(folder):
    """A directory as one safetensors file, as files.h has it."""
    header, data = header_of(read(folder + "/model.safetensors"))
    meta = {}
    for name in ("config.json", "modules.json", "tokenizer_config.json", "tokenizer.json", "vocab.txt",
                 "1_Pooling/config.json", "sentence_bert_config.json"):
        if os.path.exists(folder + "/" + name):
            meta[name] = read(folder + "/" + name).decode()
    header["__metadata__"] = meta
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def of_models():
    names = ("config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json",
             "config_sentence_transformers.json", "2_Dense/config.json")
    for folder in ["tests/data/tiny"] + sorted(glob.glob("tests/ref/checkpoints/*")):
        name = os.path.basename(folder)
        if not os.path.exists(folder + "/config.json"):
            continue
        parts = [read(f"{folder}/{n}") if os.path.exists(f"{folder}/{n}") else b"" for n in names]
        yield "config", name, PART.join(parts)
        if not os.path.exists(folder + "/model.safetensors"):
            continue
        data = read(folder + "/model.safetensors")
        if len(data) < 52000:
            yield "model", name, blob_of(folder)
        if name.endswith("body"):
            header, _ = header_of(data)
            few = dict(list(header.items())[:4])
            yield "sft", name, small(few)
    yield "sft", "metadata", small({"__metadata__": {"config.json": "{}"}, "a": {
        "dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}, "b": {
        "dtype": "I64", "shape": [], "data_offsets": [8, 16]}})


def small(header):
    """The tensors of a header at their sizes, but one after another and of zeros."""
    at, out = 0, {}
    for name, t in header.items():
        if name != "__metadata__":
            n = t["data_offsets"][1] - t["data_offsets"][0]
            if n > 600:
                t = {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]}
                n = 60
            t = dict(t, data_offsets=[at, at + n])
            at += n
        out[name] = t
    text = json.dumps(out).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def main():
    if sys.argv[1] == "--tokenizers":
        for name, make in TOKENIZERS.items():
            with open(f"tests/data/tokenizers/{name}.json", "w", encoding="utf-8") as f:
                json.dump(make(), f, ensure_ascii=False, indent=1)
                f.write("\n")
        return
    for target, name, data in seeds():
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


main()
