// shape.js - the shape of all-MiniLM-L6-v2, and weights for it from a fixed seed.
//
// Speed does not depend on the values, but they are spread as in a trained model, so that
// attention is neither flat nor a single peak. Names and shapes are those of Hugging Face;
// each format renames them for itself.

export const shape = {
  layers: 6, width: 384, heads: 12, inner: 1536, positions: 512, pieces: 30522,
  segments: 2, eps: 1e-12,
};

// sfc32: uniform integers of 32 bits (Chris Doty-Humphrey, PractRand).
export function randomBits(seed) {
  let a = 0, b = seed | 0, c = 1, n = 1;
  const next = () => {
    const t = (a + b + n++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

// Numbers of mean 0 and the given deviation: Box and Muller 1958.
function normals(next, n, mean, deviation) {
  const out = new Float32Array(n);
  for (let i = 0; i < n; i += 2) {
    const r = Math.sqrt(-2 * Math.log((next() + 1) / 4294967296)) * deviation;
    const angle = (2 * Math.PI * next()) / 4294967296;
    out[i] = mean + r * Math.cos(angle);
    if (i + 1 < n) out[i + 1] = mean + r * Math.sin(angle);
  }
  return out;
}

// A Map: name -> {dims, data}; matrices are outputs x inputs, rows first.
export function makeWeights(seed) {
  const { layers, width, inner, positions, pieces, segments } = shape;
  const next = randomBits(seed);
  const tensors = new Map();
  const add = (name, dims, mean, deviation) => tensors.set(name, {
    dims, data: normals(next, dims.reduce((a, b) => a * b), mean, deviation),
  });
  const linear = (name, outputs, inputs) => {
    add(`${name}.weight`, [outputs, inputs], 0, 0.04);
    add(`${name}.bias`, [outputs], 0, 0.02);
  };
  const norm = (name) => {
    add(`${name}.weight`, [width], 1, 0.1);
    add(`${name}.bias`, [width], 0, 0.02);
  };
  add('embeddings.word_embeddings.weight', [pieces, width], 0, 0.05);
  add('embeddings.position_embeddings.weight', [positions, width], 0, 0.02);
  add('embeddings.token_type_embeddings.weight', [segments, width], 0, 0.02);
  norm('embeddings.LayerNorm');
  for (let i = 0; i < layers; i++) {
    const layer = `encoder.layer.${i}`;
    for (const part of ['query', 'key', 'value'])
      linear(`${layer}.attention.self.${part}`, width, width);
    linear(`${layer}.attention.output.dense`, width, width);
    norm(`${layer}.attention.output.LayerNorm`);
    linear(`${layer}.intermediate.dense`, inner, width);
    linear(`${layer}.output.dense`, width, inner);
    norm(`${layer}.output.LayerNorm`);
  }
  return tensors;
}
