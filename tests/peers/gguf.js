// gguf.js - tensors -> a GGUF file (version 3) as llama.cpp's converter writes for BERT.
//
//   "GGUF", u32 version, u64 tensors, u64 keys
//   keys:    string name, u32 type, value
//   tensors: string name, u32 number of dimensions, u64 dimensions (innermost first),
//            u32 type, u64 offset into the data
//   data:    from the next multiple of 32, each tensor at a multiple of 32
// A string is a u64 length and its bytes. Norms, biases, positions and segments stay F32.
import { openSync, writeSync, closeSync } from 'node:fs';
import { shape } from './shape.js';
import { bytesOf } from './safetensors.js';
import { specials } from './texts.js';

const ALIGN = 32;
const Q8_BLOCK = 32;

const u32 = (v) => { const b = Buffer.alloc(4); b.writeUInt32LE(v); return b; };
const i32 = (v) => { const b = Buffer.alloc(4); b.writeInt32LE(v); return b; };
const f32 = (v) => { const b = Buffer.alloc(4); b.writeFloatLE(v); return b; };
const u64 = (v) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(v)); return b; };
const text = (s) => { const b = Buffer.from(s); return Buffer.concat([u64(b.length), b]); };

const U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9;
const values = {
  [U32]: u32, [I32]: i32, [F32]: f32, [BOOL]: (v) => Buffer.from([v ? 1 : 0]), [STRING]: text,
};
const key = (name, type, v) => Buffer.concat([text(name), u32(type), values[type](v)]);
const array = (name, type, list) => Buffer.concat([
  text(name), u32(ARRAY), u32(type), u64(list.length), ...list.map(values[type]),
]);

function toBf16(data) {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  // To nearest, ties to even.
  return bytesOf(Uint16Array.from(bits, (b) => (b + 0x7fff + ((b >>> 16) & 1)) >>> 16));
}

// A half-precision scale: the nearest from below is near enough, the codes follow it.
function toHalf(v) {
  const bits = new Uint32Array(Float32Array.of(v).buffer)[0];
  const exponent = ((bits >>> 23) & 255) - 112;
  if (exponent <= 0) return 0;
  return (exponent << 10) | ((bits >>> 13) & 1023);
}

const fromHalf = (h) => (h === 0 ? 0 : 2 ** ((h >>> 10) - 15) * (1 + (h & 1023) / 1024));

// Blocks of 32: a half-precision scale, then the codes.
function toQ8(data) {
  const out = Buffer.alloc((data.length / Q8_BLOCK) * (2 + Q8_BLOCK));
  for (let i = 0, at = 0; i < data.length; i += Q8_BLOCK) {
    let largest = 0;
    for (let j = 0; j < Q8_BLOCK; j++) largest = Math.max(largest, Math.abs(data[i + j]));
    const half = toHalf(largest / 127), scale = fromHalf(half);
    at = out.writeUInt16LE(half, at);
    for (let j = 0; j < Q8_BLOCK; j++) {
      const code = scale === 0 ? 0 : Math.round(data[i + j] / scale);
      at = out.writeInt8(Math.max(-127, Math.min(127, code)), at);
    }
  }
  return out;
}

// How a format is called -> ggml's number of the type, llama.cpp's of the file, bytes.
const formats = {
  f32: { type: 0, file: 0, pack: bytesOf },
  bf16: { type: 30, file: 32, pack: toBf16 },
  q8_0: { type: 8, file: 7, pack: toQ8 },
};

const renames = [
  ['embeddings.word_embeddings', 'token_embd'],
  ['embeddings.position_embeddings', 'position_embd'],
  ['embeddings.token_type_embeddings', 'token_types'],
  ['embeddings.LayerNorm', 'token_embd_norm'],
  ['encoder.layer.', 'blk.'],
  ['attention.self.query', 'attn_q'],
  ['attention.self.key', 'attn_k'],
  ['attention.self.value', 'attn_v'],
  ['attention.output.dense', 'attn_output'],
  ['attention.output.LayerNorm', 'attn_output_norm'],
  ['intermediate.dense', 'ffn_up'],
  ['output.dense', 'ffn_down'],
  ['output.LayerNorm', 'layer_output_norm'],
];
const rename = (name) => renames.reduce((n, [from, to]) => n.replace(from, to), name);

// llama.cpp marks the beginning of a word where BERT marks its continuation.
function marked(piece, i) {
  if (i < specials.length) return piece;
  return piece.startsWith('##') ? piece.slice(2) : `\u2581${piece}`;
}

function keys(pieces, fileType) {
  const special = (name, piece) =>
    key(`tokenizer.ggml.${name}_token_id`, U32, specials.indexOf(piece));
  return [
    key('general.architecture', STRING, 'bert'),
    key('general.name', STRING, 'peers'),
    key('general.file_type', U32, fileType),
    key('bert.block_count', U32, shape.layers),
    key('bert.context_length', U32, shape.positions),
    key('bert.embedding_length', U32, shape.width),
    key('bert.feed_forward_length', U32, shape.inner),
    key('bert.attention.head_count', U32, shape.heads),
    key('bert.attention.layer_norm_epsilon', F32, shape.eps),
    key('bert.attention.causal', BOOL, false),
    key('bert.pooling_type', U32, 1), // mean
    key('tokenizer.ggml.model', STRING, 'bert'),
    key('tokenizer.ggml.token_type_count', U32, shape.segments),
    array('tokenizer.ggml.tokens', STRING, pieces.map(marked)),
    array('tokenizer.ggml.token_type', I32, pieces.map((_, i) => (i < specials.length ? 3 : 1))),
    special('padding', '[PAD]'), special('unknown', '[UNK]'), special('bos', '[CLS]'),
    special('cls', '[CLS]'), special('seperator', '[SEP]'), special('mask', '[MASK]'),
  ];
}

export function writeGguf(path, tensors, pieces, format) {
  const infos = [], blocks = [];
  let offset = 0;
  for (const [name, { dims, data }] of tensors) {
    const isPlain = dims.length === 1 || /position|token_type/.test(name);
    const { type, pack } = formats[isPlain ? 'f32' : format];
    const bytes = pack(data);
    infos.push(Buffer.concat([
      text(rename(name)), u32(dims.length), ...[...dims].reverse().map(u64), u32(type),
      u64(offset),
    ]));
    const gap = (ALIGN - (bytes.length % ALIGN)) % ALIGN;
    blocks.push(bytes, Buffer.alloc(gap));
    offset += bytes.length + gap;
  }
  const pairs = keys(pieces, formats[format].file);
  const head = Buffer.concat([
    Buffer.from('GGUF'), u32(3), u64(tensors.size), u64(pairs.length), ...pairs, ...infos,
  ]);
  const file = openSync(path, 'w');
  writeSync(file, head);
  writeSync(file, Buffer.alloc((ALIGN - (head.length % ALIGN)) % ALIGN));
  for (const block of blocks) if (block.length > 0) writeSync(file, block);
  closeSync(file);
}
