#!/usr/bin/env python3
"""gguf.py DIRECTORY - writes the GGUF files in tests/data/gguf.

    types.gguf        one tensor of random blocks for each type, and beside it, as
                      "NAME.expected", the floats that it stands for
    tiny-TYPE.gguf    the model in tests/data/tiny as llama.cpp's converter would write it,
                      matrices in F16, Q8_0 and Q4_0
    ARCH.gguf         the smallest model of each architecture, its values made up: names,
                      keys and tokenizers are what matters

Written from the descriptions of the formats, without the C that reads them and without
any library: run from the root of the repository as  python3 tests/ref/gguf.py tests/data/gguf
"""
import json
import os
import random
import struct
import sys

U8, U32, I32, F32, BOOL, TEXT, ARRAY = 0, 4, 5, 6, 7, 8, 9
TYPES = {'F32': 0, 'F16': 1, 'Q4_0': 2, 'Q4_1': 3, 'Q5_0': 6, 'Q5_1': 7, 'Q8_0': 8,
         'Q4_K': 12, 'Q5_K': 13, 'Q6_K': 14, 'BF16': 30}
BEGIN = '\u2581'
NORMAL, UNKNOWN, CONTROL, USER, UNUSED = 1, 2, 3, 4, 5


def text(s):
    b = s if isinstance(s, bytes) else s.encode()
    return struct.pack('<Q', len(b)) + b


def value(kind, v):
    formats = {U8: '<B', U32: '<I', I32: '<i', F32: '<f', BOOL: '<?'}
    return text(v) if kind == TEXT else struct.pack(formats[kind], v)


def key(name, kind, v):
    return text(name) + struct.pack('<I', kind) + value(kind, v)


def array(name, kind, values):
    return (text(name) + struct.pack('<IIQ', ARRAY, kind, len(values)) +
            b''.join(value(kind, v) for v in values))


def write(path, keys, tensors, version=3, align=32):
    """tensors: (name, shape with the outermost first, type, bytes)"""
    head = b'GGUF' + struct.pack('<IQQ', version, len(tensors), len(keys)) + b''.join(keys)
    data = b''
    for name, shape, kind, blob in tensors:
        head += text(name) + struct.pack('<I', len(shape))
        head += b''.join(struct.pack('<Q', n) for n in reversed(shape))
        head += struct.pack('<IQ', TYPES[kind], len(data))
        data += blob + bytes(-len(blob) % align)
    head += bytes(-len(head) % align)
    with open(path, 'wb') as f:
        f.write(head + data)


# --- types -------------------------------------------------------------------------------

def floats(values):
    return struct.pack('<%df' % len(values), *values)


def half(b):
    return struct.unpack('<e', b)[0]


def nibbles(b):
    """The low halves of all bytes, then the high ones."""
    return [x & 15 for x in b] + [x >> 4 for x in b]


def signed(b):
    return [x - 256 if x > 127 else x for x in b]


def bits_of(b):
    return [x >> i & 1 for x in b for i in range(8)]


def least_and_scale(s):
    """8 scales and 8 least values of 6 bits in 12 bytes."""
    scale = [s[j] & 63 for j in range(4)]
    least = [s[4 + j] & 63 for j in range(4)]
    scale += [(s[8 + j] & 15) + 16 * (s[j] >> 6) for j in range(4)]
    least += [(s[8 + j] >> 4) + 16 * (s[4 + j] >> 6) for j in range(4)]
    return scale, least


def q8_0(b):
    return [half(b[:2]) * q for q in signed(b[2:])]


def q4_0(b):
    return [half(b[:2]) * (q - 8) for q in nibbles(b[2:])]


def q4_1(b):
    return [half(b[:2]) * q + half(b[2:4]) for q in nibbles(b[4:])]


def q5_0(b):
    return [half(b[:2]) * (q + 16 * h - 16) for q, h in zip(nibbles(b[6:]), bits_of(b[2:6]))]


def q5_1(b):
    return [half(b[:2]) * (q + 16 * h) + half(b[2:4])
            for q, h in zip(nibbles(b[8:]), bits_of(b[4:8]))]


def large(b, has_fifth):
    d, m = half(b[:2]), half(b[2:4])
    scale, least = least_and_scale(b[4:16])
    fifth, low = (b[16:48], b[48:]) if has_fifth else (bytes(32), b[16:])
    out = []
    for j in range(8):
        part = low[32 * (j // 2):32 * (j // 2) + 32]
        for i in range(32):
            q = (part[i] >> 4 if j % 2 else part[i] & 15) + 16 * (fifth[i] >> j & 1)
            out.append(d * scale[j] * q - m * least[j])
    return out


def q6_k(b):
    low, high, scale, d = b[:128], b[128:192], signed(b[192:208]), half(b[208:])
    out = []
    for i in range(256):
        h, g, k = i // 128, i % 128 // 32, i % 32
        byte = low[64 * h + 32 * (g % 2) + k]
        q = (byte >> 4 if g >= 2 else byte & 15) + 16 * (high[32 * h + k] >> 2 * g & 3)
        out.append(d * scale[i // 16] * (q - 32))
    return out


# Bytes of a block, values in it, places of its halves, what the values are.
BLOCKS = {
    'F16': (2, 1, [0], lambda b: [half(b)]),
    'BF16': (2, 1, [], lambda b: [struct.unpack('<f', b'\0\0' + b)[0]]),
    'Q8_0': (34, 32, [0], q8_0),
    'Q4_0': (18, 32, [0], q4_0),
    'Q4_1': (20, 32, [0, 2], q4_1),
    'Q5_0': (22, 32, [0], q5_0),
    'Q5_1': (24, 32, [0, 2], q5_1),
    'Q4_K': (144, 256, [0, 2], lambda b: large(b, False)),
    'Q5_K': (176, 256, [0, 2], lambda b: large(b, True)),
    'Q6_K': (210, 256, [208], q6_k),
}


def types(path):
    """Random blocks; a half in them is a small number of either sign, once subnormal."""
    r = random.Random(7)
    tensors = []
    for name, (size, values, halves, decode) in BLOCKS.items():
        rows, columns = 3, 256
        blob, expected = b'', []
        for i in range(rows * columns // values):
            b = bytearray(r.randrange(256) for _ in range(size))
            for at in halves:
                v = r.uniform(-2, 2) if i != 1 else 3e-6
                b[at:at + 2] = struct.pack('<e', v)
            if name == 'BF16':
                b[:] = struct.pack('<f', r.uniform(-2, 2))[2:]
            blob += b
            expected += decode(bytes(b))
        tensors.append((name.lower(), (rows, columns), name, blob))
        tensors.append((name.lower() + '.expected', (rows, columns), 'F32', floats(expected)))
    write(path, [key('general.architecture', TEXT, 'bert')], tensors)


# --- a model -----------------------------------------------------------------------------

def to_f16(values):
    return struct.pack('<%de' % len(values), *values)


def to_q8_0(values):
    out = b''
    for i in range(0, len(values), 32):
        block = values[i:i + 32]
        d = max(abs(v) for v in block) / 127
        inverse = 1 / d if d else 0
        out += struct.pack('<e32b', d, *(round(v * inverse) for v in block))
    return out


def to_q4_0(values):
    out = b''
    for i in range(0, len(values), 32):
        block = values[i:i + 32]
        d = max(block, key=abs) / -8
        inverse = 1 / d if d else 0
        q = [min(15, int(v * inverse + 8.5)) for v in block]
        out += struct.pack('<e16B', d, *(q[k] + 16 * q[k + 16] for k in range(16)))
    return out


ENCODERS = {'F32': floats, 'F16': to_f16, 'Q8_0': to_q8_0, 'Q4_0': to_q4_0}

RENAMES = [
    ('embeddings.word_embeddings', 'token_embd'),
    ('embeddings.position_embeddings', 'position_embd'),
    ('embeddings.token_type_embeddings', 'token_types'),
    ('embeddings.LayerNorm', 'token_embd_norm'),
    ('encoder.layer.', 'blk.'),
    ('attention.self.query', 'attn_q'),
    ('attention.self.key', 'attn_k'),
    ('attention.self.value', 'attn_v'),
    ('attention.output.dense', 'attn_output'),
    ('attention.output.LayerNorm', 'attn_output_norm'),
    ('intermediate.dense', 'ffn_up'),
    ('output.dense', 'ffn_down'),
    ('output.LayerNorm', 'layer_output_norm'),
]


def read_safetensors(path):
    with open(path, 'rb') as f:
        b = f.read()
    n = struct.unpack('<Q', b[:8])[0]
    for name, t in json.loads(b[8:8 + n]).items():
        if name == '__metadata__':
            continue
        begin, end = t['data_offsets']
        assert t['dtype'] == 'F32'
        data = b[8 + n + begin:8 + n + end]
        yield name, t['shape'], list(struct.unpack('<%df' % (len(data) // 4), data))


def wordpiece(pieces, specials):
    """The vocabulary as a GGUF file has it."""
    out = []
    for p in pieces:
        if p in specials:
            out.append(p)
        else:
            out.append(p[2:] if p.startswith('##') else BEGIN + p)
    return [
        key('tokenizer.ggml.model', TEXT, 'bert'),
        key('tokenizer.ggml.pre', TEXT, 'default'),
        array('tokenizer.ggml.tokens', TEXT, out),
        array('tokenizer.ggml.token_type', I32,
              [CONTROL if p in specials else NORMAL for p in pieces]),
        key('tokenizer.ggml.token_type_count', U32, 2),
    ] + roles(pieces, bos='[CLS]', unknown='[UNK]', seperator='[SEP]', padding='[PAD]',
              cls='[CLS]', mask='[MASK]')


def roles(pieces, **names):
    return [key('tokenizer.ggml.%s_token_id' % role, U32, pieces.index(piece))
            for role, piece in names.items()]


def shape_keys(arch, layers, hidden, heads, inner, context, eps, pooling):
    return [
        key('general.architecture', TEXT, arch),
        key('general.name', TEXT, 'Tiny'),
        key(arch + '.block_count', U32, layers),
        key(arch + '.context_length', U32, context),
        key(arch + '.embedding_length', U32, hidden),
        key(arch + '.feed_forward_length', U32, inner),
        key(arch + '.attention.head_count', U32, heads),
        key(arch + '.attention.layer_norm_epsilon', F32, eps),
        key(arch + '.attention.causal', BOOL, False),
        key(arch + '.pooling_type', U32, pooling),
    ]


def tiny(path, kind):
    specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
    with open('tests/data/tiny/vocab.txt', encoding='utf-8') as f:
        pieces = f.read().split('\n')[:-1]
    with open('tests/data/tiny/config.json', encoding='utf-8') as f:
        c = json.load(f)
    tensors = []
    for name, shape, values in read_safetensors('tests/data/tiny/model.safetensors'):
        if name.startswith('bert.'):
            name = name[5:]
        if name.startswith(('cls.', 'pooler.', 'classifier.')):
            continue
        # Norms, biases and the small tables stay as they are.
        is_plain = len(shape) == 1 or 'position' in name or 'token_type' in name
        for old, new in RENAMES:
            name = name.replace(old, new)
        k = 'F32' if is_plain else kind
        tensors.append((name, shape, k, ENCODERS[k](values)))
    keys = shape_keys('bert', c['num_hidden_layers'], c['hidden_size'],
                      c['num_attention_heads'], c['intermediate_size'], 48,
                      c['layer_norm_eps'], 1)
    write(path, keys + wordpiece(pieces, specials), tensors)


# --- other architectures -----------------------------------------------------------------

D, I, V, P = 8, 12, 12, 16  # width, inner width, vocabulary, positions


class Maker:
    """Tensors of made-up values: each counts up from its number."""

    def __init__(self):
        self.tensors = []

    def add(self, name, *shape, kind='F32'):
        n = 1
        for s in shape:
            n *= s
        start = 100 * len(self.tensors)
        values = [(start + i) / 1024 for i in range(n)]
        self.tensors.append((name, shape, kind, ENCODERS[kind](values)))

    def linear(self, name, rows, columns, bias=True):
        self.add(name + '.weight', rows, columns)
        if bias:
            self.add(name + '.bias', rows)

    def norm(self, name, bias=True):
        self.add(name + '.weight', D)
        if bias:
            self.add(name + '.bias', D)


WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'cat', '##s', 'Cat', 'sat',
         '한', '##국']
SPECIALS = WORDS[:5]


def unigram():
    pieces = ['<s>', '<pad>', '</s>', '<unk>', BEGIN, BEGIN + 'the', BEGIN + 'cat', 's',
              '"', '한', 'old', '<mask>']
    types = [CONTROL] * 3 + [UNKNOWN] + [NORMAL] * 7 + [CONTROL]
    return [
        key('tokenizer.ggml.model', TEXT, 't5'),
        key('tokenizer.ggml.pre', TEXT, 'default'),
        array('tokenizer.ggml.tokens', TEXT, pieces),
        array('tokenizer.ggml.scores', F32, [0, 0, 0, 0] + [-1 - i / 3 for i in range(7)] + [0]),
        array('tokenizer.ggml.token_type', I32, types),
        key('tokenizer.ggml.add_space_prefix', BOOL, True),
        key('tokenizer.ggml.token_type_count', U32, 1),
        key('tokenizer.ggml.remove_extra_whitespaces', BOOL, True),
        array('tokenizer.ggml.precompiled_charsmap', U8, list(b'any carnal pleas')),
    ] + roles(pieces, bos='<s>', eos='</s>', unknown='<unk>', seperator='</s>',
              padding='<pad>', mask='<mask>')


def bpe(pre, names):
    pieces = names + ['a', 'c', 't', '\u0120', '\u0120c', 'at', '\u0120cat'] + ['[PAD11]']
    types = [CONTROL] * len(names) + [NORMAL] * 7 + [UNUSED]
    cls, pad, sep, mask = names
    return [
        key('tokenizer.ggml.model', TEXT, 'gpt2'),
        key('tokenizer.ggml.pre', TEXT, pre),
        array('tokenizer.ggml.tokens', TEXT, pieces),
        array('tokenizer.ggml.token_type', I32, types),
        array('tokenizer.ggml.merges', TEXT, ['\u0120 c', 'a t', '\u0120c at']),
    ] + roles(pieces, bos=cls, eos=sep, seperator=sep, padding=pad, mask=mask)


def xlmr(path):
    """A reranker: RoBERTa's classifier, one label, one row of token types as a vector."""
    m = Maker()
    m.add('token_embd.weight', V, D)
    m.add('position_embd.weight', P, D)
    m.add('token_types.weight', D)
    m.norm('token_embd_norm')
    for n in ('attn_q', 'attn_k', 'attn_v', 'attn_output'):
        m.linear('blk.0.' + n, D, D)
    m.norm('blk.0.attn_output_norm')
    m.linear('blk.0.ffn_up', I, D)
    m.linear('blk.0.ffn_down', D, I)
    m.norm('blk.0.layer_output_norm')
    m.linear('cls', D, D)
    m.add('cls.output.weight', D)
    m.add('cls.output.bias', 1)
    write(path, shape_keys('bert', 1, D, 2, I, P, 1e-5, 4) +
          [array('bert.classifier.output_labels', TEXT, ['relevance'])] + unigram(), m.tensors)


def distilbert(path):
    m = Maker()
    m.add('token_embd.weight', V, D)
    m.add('position_embd.weight', P, D)
    m.norm('token_embd_norm')
    for n in ('attn_q', 'attn_k', 'attn_v', 'attn_output'):
        m.linear('blk.0.' + n, D, D)
    m.norm('blk.0.attn_output_norm')
    m.linear('blk.0.ffn_up', I, D)
    m.linear('blk.0.ffn_down', D, I)
    m.norm('blk.0.layer_output_norm')
    write(path, shape_keys('bert', 1, D, 2, I, P, 1e-12, 2) + wordpiece(WORDS, SPECIALS),
          m.tensors, version=2)


def nomic(path):
    m = Maker()
    m.add('token_embd.weight', V, D)
    m.add('token_types.weight', 2, D)
    m.norm('token_embd_norm')
    m.linear('blk.0.attn_qkv', 3 * D, D, bias=False)
    m.linear('blk.0.attn_output', D, D, bias=False)
    m.norm('blk.0.attn_output_norm')
    m.linear('blk.0.ffn_up', I, D, bias=False)
    m.linear('blk.0.ffn_gate', I, D, bias=False)
    m.linear('blk.0.ffn_down', D, I, bias=False)
    m.norm('blk.0.layer_output_norm')
    keys = shape_keys('nomic-bert', 1, D, 2, I, 2048, 1e-12, 1)
    keys.append(key('nomic-bert.rope.freq_base', F32, 1000))
    write(path, keys + wordpiece([w.lower() if w == 'Cat' else w for w in WORDS[:8]] +
                                 ['dog', 'sat', '##x', '##y'], SPECIALS), m.tensors)


def jina(path):
    """Gate and up are apart, as older files have them: side by side in layer 0 only."""
    m = Maker()
    m.add('token_embd.weight', V, D)
    m.add('token_types.weight', 2, D)
    m.norm('token_embd_norm')
    for layer in range(2):
        b = 'blk.%d.' % layer
        for n in ('attn_q', 'attn_k', 'attn_v', 'attn_output'):
            m.linear(b + n, D, D)
        m.norm(b + 'attn_output_norm')
        if layer == 1:
            m.add(b + 'ffn_up.weight', I, D)
            m.linear(b + 'ffn_down', D, I)
            m.add(b + 'ffn_gate.weight', I, D)
        else:
            m.add(b + 'ffn_gate.weight', I, D)
            m.add(b + 'ffn_up.weight', I, D)
            m.linear(b + 'ffn_down', D, I)
        m.norm(b + 'layer_output_norm')
    write(path, shape_keys('jina-bert-v2', 2, D, 2, I, 8192, 1e-12, 1) +
          wordpiece(WORDS, SPECIALS), m.tensors)


def jina_code(path):
    m = Maker()
    m.add('token_embd.weight', V, D)
    m.add('token_types.weight', 2, D)
    m.norm('token_embd_norm')
    for n in ('attn_q', 'attn_k', 'attn_v', 'attn_output'):
        m.linear('blk.0.' + n, D, D)
    for n in ('attn_q_norm', 'attn_k_norm', 'attn_output_norm', 'attn_norm_2',
              'layer_output_norm'):
        m.norm('blk.0.' + n)
    m.add('blk.0.ffn_up.weight', 2 * I, D)
    m.linear('blk.0.ffn_down', D, I)
    write(path, shape_keys('jina-bert-v2', 1, D, 2, I, 8192, 1e-12, 1) +
          bpe('jina-v2-code', ['<s>', '<pad>', '</s>', '<mask>']), m.tensors)


def modern(path):
    m = Maker()
    m.add('token_embd.weight', V, D)
    m.norm('token_embd_norm', bias=False)
    for layer in range(2):
        b = 'blk.%d.' % layer
        if layer > 0:
            m.norm(b + 'attn_norm', bias=False)
        m.linear(b + 'attn_qkv', 3 * D, D, bias=False)
        m.linear(b + 'attn_output', D, D, bias=False)
        m.norm(b + 'ffn_norm', bias=False)
        m.linear(b + 'ffn_up', 2 * I, D, bias=False)
        m.linear(b + 'ffn_down', D, I, bias=False)
    m.norm('output_norm', bias=False)
    keys = shape_keys('modern-bert', 2, D, 2, I, 8192, 1e-5, 2) + [
        key('modern-bert.rope.freq_base', F32, 160000),
        key('modern-bert.rope.freq_base_swa', F32, 10000),
        key('modern-bert.attention.sliding_window', U32, 128),
        key('modern-bert.attention.sliding_window_pattern', U32, 3),
        key('tokenizer.ggml.add_bos_token', BOOL, True),
        key('tokenizer.ggml.add_eos_token', BOOL, True),
    ]
    write(path, keys + bpe('modern-bert', ['[CLS]', '[PAD]', '[SEP]', '[MASK]']), m.tensors)


if __name__ == '__main__':
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    types(out + '/types.gguf')
    for kind in ('F16', 'Q8_0', 'Q4_0'):
        tiny('%s/tiny-%s.gguf' % (out, kind.lower()), kind)
    for make in (xlmr, distilbert, nomic, jina, jina_code, modern):
        make('%s/%s.gguf' % (out, make.__name__))
