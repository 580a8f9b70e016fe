// agree.js BUILD - our vectors beside those of ONNX Runtime and llama.cpp, on the same
// random model of all-MiniLM-L6-v2's shape: ONNX graphs and GGUF files of its weights, and
// the directory itself. Of every length from 8 to 512 tokens, and passages: in f32 the
// cosine is at least 0.9999. So are those of our own reading of the GGUF files.
//
// A peer that is not installed (make bench installs them) is skipped and named.
import { existsSync } from 'node:fs';
import { Engine } from './engine.js';
import { makeModel } from './model.js';

const build = process.argv[2], folder = `${build}/peers`;
const here = (name) => new URL(name, import.meta.url).pathname;
const ours = `${build}/tests/peers/ours`;
const LINES = [0, 1, 2, 3, 4, 5, 6, 20, 100, 700];

const others = [
  { name: 'ours, of the f32 GGUF', least: 0.9999999, command: [ours, folder, 'f32.gguf'] },
  { name: 'ours, of the bf16 GGUF', least: 0.999, command: [ours, folder, 'bf16.gguf'] },
  { name: 'ours, of the q8_0 GGUF', least: 0.999, command: [ours, folder, 'q8_0.gguf'] },
  ...['export', 'fused'].map((form) => ({
    name: `ONNX Runtime, ${form}`, least: 0.9999, isPeer: true,
    command: ['node', here('ort.js'), folder, `f32-${form}`],
  })),
  { name: 'llama.cpp', least: 0.9999, isPeer: true,
    command: ['node', here('llama.js'), folder, 'f32'] },
];

const dot = (x, y) => x.reduce((s, v, i) => s + v * y[i], 0);
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

async function start([command, ...args]) {
  const { engine, error } = await Engine.start(args.at(-1), command, args);
  if (error) throw new Error(error);
  return engine;
}

let passed = 0, failed = 0, skipped = 0;
makeModel(folder);
const reference = await start([ours, folder, 'f32']);
for (const other of others) {
  if (other.isPeer && !existsSync(`${folder}/node_modules`)) {
    console.log(`${other.name}: not installed`);
    skipped++;
    continue;
  }
  let worst = 1;
  try {
    const engine = await start(other.command);
    for (const line of LINES)
      worst = Math.min(worst, cosine(await reference.vector(line), await engine.vector(line)));
    engine.stop();
  } catch (e) {
    console.log(`${other.name}: ${e.message}`);
    worst = NaN;
  }
  console.log(`${other.name}: least cosine ${worst.toFixed(8)}, expected ${other.least}`);
  if (worst >= other.least) passed++;
  else failed++;
}
reference.stop();
console.log(`peers: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
