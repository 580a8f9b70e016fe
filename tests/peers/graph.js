// graph.js - the encoder as ONNX graphs, f32 or int8, in two forms each.
//
// "export" is what PyTorch's exporter gives, and for int8 what ONNX Runtime's dynamic
// quantization makes of it: operators of the standard, which ONNX Runtime fuses by itself
// when it opens the file. "fused" is what its transformer optimizer makes: its own
// operators for attention, for the residual with the norm, and for bias with GELU.
//
// int8: weights with a scale per column, activations with one per tensor found at run
// time. All graphs end in mean pooling and division by the length.
import { FLOAT, Graph, INT32, INT64, INT8 } from './onnx.js';
import { shape } from './shape.js';

const { layers, width: D, heads, inner, positions, pieces, segments, eps } = shape;
const own = { domain: 'com.microsoft' };

// [outputs, inputs] -> [inputs, outputs], as MatMul wants it.
function turned(data, outputs, inputs) {
  const out = new Float32Array(data.length);
  for (let r = 0; r < outputs; r++)
    for (let c = 0; c < inputs; c++) out[c * outputs + r] = data[r * inputs + c];
  return out;
}

// [inputs, outputs] -> codes from -127 to 127 and a scale for each column.
function quantized(data, inputs, outputs) {
  const scales = new Float32Array(outputs), codes = new Int8Array(data.length);
  data.forEach((v, i) => {
    scales[i % outputs] = Math.max(scales[i % outputs], Math.abs(v) / 127);
  });
  data.forEach((v, i) => { codes[i] = Math.round(v / scales[i % outputs]); });
  return { codes, scales };
}

class Encoder {
  constructor(weights, isInt8, isFused) {
    Object.assign(this, { weights, isInt8, isFused });
    this.g = new Graph();
    this.inputs = new Map(); // a tensor's name -> its quantized form, made once
  }

  of(name) { return this.weights.get(name).data; }

  vector(name) { return this.g.tensor(FLOAT, [this.of(name).length], this.of(name)); }

  scalar(v) { return this.g.tensor(FLOAT, [], v); }

  quantizedInput(x) {
    if (!this.inputs.has(x))
      this.inputs.set(x, this.g.node('DynamicQuantizeLinear', [x], {}, { outputs: 3 }));
    return this.inputs.get(x);
  }

  // x W without the bias; `data` is [inputs, outputs].
  product(x, data, inputs, outputs) {
    const { g } = this;
    if (!this.isInt8) return g.node('MatMul', [x, g.tensor(FLOAT, [inputs, outputs], data)]);
    const { codes, scales } = quantized(data, inputs, outputs);
    const w = g.tensor(INT8, [inputs, outputs], codes);
    const zero = g.tensor(INT8, [outputs], new Int8Array(outputs));
    const [q, scale, point] = this.quantizedInput(x);
    const sums = g.node('MatMulInteger', [q, w, point, zero]);
    const scaled = g.node('Mul', [scale, g.tensor(FLOAT, [outputs], scales)]);
    return g.node('Mul', [g.node('Cast', [sums], { to: FLOAT }), scaled]);
  }

  // The product that layer `name` makes, without its bias.
  bare(x, name, outputs, inputs) {
    return this.product(x, turned(this.of(`${name}.weight`), outputs, inputs), inputs, outputs);
  }

  linear(x, name, outputs, inputs) {
    return this.g.node('Add', [this.vector(`${name}.bias`), this.bare(x, name, outputs, inputs)]);
  }

  norm(x, name) {
    return this.g.node('LayerNormalization',
      [x, this.vector(`${name}.weight`), this.vector(`${name}.bias`)],
      { axis: -1, epsilon: { float: eps } });
  }

  // norm(linear(x) + residual)
  linearNorm(x, residual, dense, norm, inputs) {
    if (!this.isFused)
      return this.norm(this.g.node('Add', [this.linear(x, dense, D, inputs), residual]), norm);
    return this.g.node('SkipLayerNormalization', [
      this.bare(x, dense, D, inputs), residual, this.vector(`${norm}.weight`),
      this.vector(`${norm}.bias`), this.vector(`${dense}.bias`),
    ], { epsilon: { float: eps } }, own);
  }

  // gelu(linear(x)), with erf
  linearGelu(x, dense) {
    const { g } = this;
    if (this.isFused)
      return g.node('BiasGelu', [this.bare(x, dense, inner, D), this.vector(`${dense}.bias`)],
        {}, own);
    const up = this.linear(x, dense, inner, D);
    const erf = g.node('Erf', [g.node('Div', [up, this.scalar(Math.SQRT2)])]);
    const both = g.node('Mul', [up, g.node('Add', [erf, this.scalar(1)])]);
    return g.node('Mul', [both, this.scalar(0.5)]);
  }

  // B x S x D -> B x heads x S x D / heads, by the order of axes
  headsOf(x, name, perm) {
    const split = this.g.tensor(INT64, [4], [0, 0, heads, D / heads]);
    const y = this.linear(x, `${name}`, D, D);
    return this.g.node('Transpose', [this.g.node('Reshape', [y, split])], { perm });
  }

  attentionOfParts(x, layer, bias) {
    const { g } = this, self = `${layer}.attention.self`;
    const q = this.headsOf(x, `${self}.query`, [0, 2, 1, 3]);
    const k = this.headsOf(x, `${self}.key`, [0, 2, 3, 1]);
    const v = this.headsOf(x, `${self}.value`, [0, 2, 1, 3]);
    const scores = g.node('Div', [g.node('MatMul', [q, k]), this.scalar(Math.sqrt(D / heads))]);
    const weights = g.node('Softmax', [g.node('Add', [scores, bias])], { axis: -1 });
    const mixed = g.node('Transpose', [g.node('MatMul', [weights, v])], { perm: [0, 2, 1, 3] });
    return g.node('Reshape', [mixed, g.tensor(INT64, [3], [0, 0, D])]);
  }

  attentionFused(x, layer, mask) {
    const { g } = this;
    const parts = ['query', 'key', 'value'].map((p) => `${layer}.attention.self.${p}`);
    const w = new Float32Array(D * 3 * D), b = new Float32Array(3 * D);
    parts.forEach((part, i) => {
      const t = turned(this.of(`${part}.weight`), D, D);
      for (let r = 0; r < D; r++) w.set(t.subarray(r * D, r * D + D), r * 3 * D + i * D);
      b.set(this.of(`${part}.bias`), i * D);
    });
    const bias = g.tensor(FLOAT, [3 * D], b);
    if (!this.isInt8)
      return g.node('Attention', [x, g.tensor(FLOAT, [D, 3 * D], w), bias, mask],
        { num_heads: heads }, own);
    const { codes, scales } = quantized(w, D, 3 * D);
    const [q, scale, point] = this.quantizedInput(x);
    return g.node('QAttention', [
      q, g.tensor(INT8, [D, 3 * D], codes), bias, scale, g.tensor(FLOAT, [3 * D], scales), mask,
      point, g.tensor(INT8, [3 * D], new Int8Array(3 * D)),
    ], { num_heads: heads }, own);
  }

  // Rows of a table; int8: with one scale for the table, as dynamic quantization has it.
  lookup(name, rows, ids) {
    const { g } = this, data = this.of(`${name}.weight`);
    if (!this.isInt8) return g.node('Gather', [g.tensor(FLOAT, [rows, D], data), ids]);
    const { codes, scales } = quantized(data, rows * D, 1);
    const found = g.node('Gather', [g.tensor(INT8, [rows, D], codes), ids]);
    return g.node('DequantizeLinear',
      [found, this.scalar(scales[0]), g.tensor(INT8, [], 0)]);
  }

  embeddings() {
    const { g } = this;
    const length = g.node('Gather', [g.node('Shape', ['input_ids']), g.tensor(INT64, [1], 1)]);
    const all = g.tensor(INT64, [1, positions], Array.from({ length: positions }, (_, i) => i));
    const one = g.tensor(INT64, [1], 1), zero = g.tensor(INT64, [1], 0);
    const place = g.node('Slice', [all, zero, length, one]);
    const word = this.lookup('embeddings.word_embeddings', pieces, 'input_ids');
    const type = this.lookup('embeddings.token_type_embeddings', segments, 'token_type_ids');
    const at = this.lookup('embeddings.position_embeddings', positions, place);
    const sum = g.node('Add', [g.node('Add', [word, type]), at]);
    return this.norm(sum, 'embeddings.LayerNorm');
  }

  // What is added to scores: 0 for a token, -10000 for padding.
  maskBias() {
    const { g } = this;
    const wide = g.node('Unsqueeze', ['attention_mask', g.tensor(INT64, [2], [1, 2])]);
    const mask = g.node('Cast', [wide], { to: FLOAT });
    return g.node('Mul', [g.node('Sub', [this.scalar(1), mask]), this.scalar(-10000)]);
  }

  layer(x, layer, mask) {
    const mixed = this.isFused
      ? this.attentionFused(x, layer, mask) : this.attentionOfParts(x, layer, mask);
    const y = this.linearNorm(mixed, x, `${layer}.attention.output.dense`,
      `${layer}.attention.output.LayerNorm`, D);
    return this.linearNorm(this.linearGelu(y, `${layer}.intermediate.dense`), y,
      `${layer}.output.dense`, `${layer}.output.LayerNorm`, inner);
  }

  pooled(x) {
    const { g } = this;
    const mask = g.node('Cast', ['attention_mask'], { to: FLOAT });
    const wide = g.node('Unsqueeze', [mask, g.tensor(INT64, [1], 2)]);
    const axis = g.tensor(INT64, [1], 1);
    const sum = g.node('ReduceSum', [g.node('Mul', [x, wide]), axis], { keepdims: 0 });
    const mean = g.node('Div', [sum, g.node('ReduceSum', [mask, axis], { keepdims: 1 })]);
    const length = g.node('ReduceL2', [mean], { axes: [1], keepdims: 1 });
    g.node('Div', [mean, length], {}, { outputs: ['sentence_embedding'] });
  }

  write(path) {
    const mask = this.isFused
      ? this.g.node('Cast', ['attention_mask'], { to: INT32 }) : this.maskBias();
    let x = this.embeddings();
    for (let i = 0; i < layers; i++) x = this.layer(x, `encoder.layer.${i}`, mask);
    this.pooled(x);
    const input = (name) => ({ name, type: INT64, dims: ['batch', 'length'] });
    this.g.write(path, ['input_ids', 'attention_mask', 'token_type_ids'].map(input),
      [{ name: 'sentence_embedding', type: FLOAT, dims: ['batch', D] }]);
  }
}

export function writeOnnx(path, weights, precision, form) {
  new Encoder(weights, precision === 'int8', form === 'fused').write(path);
}
