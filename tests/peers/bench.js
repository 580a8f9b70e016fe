// bench.js BUILD [--million] - our engine and what others would use instead, on the same
// model and the same texts, in turns.
//
// Every engine is a process of its own that has opened the model (ours.c, ort.js,
// llama.js). Round for round each of them embeds the same texts once: one of each length,
// and a slice of the mix, 1,000 passages of 8 to 256 tokens. A ratio is their time through
// ours within one round, so that other work on the machine bears on both; what is printed
// is its median, and in brackets the least and the greatest. Of what ONNX Runtime and
// llama.cpp can do, a trial beforehand picks the fastest graph and batch size for each
// figure. Nothing is asserted.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Engine, median, output, quantile } from './engine.js';
import { installPeers } from './install.js';
import { makeModel } from './model.js';
import { instructions, lembed, scaling, startup } from './more.js';
import { flops, LENGTHS, PASSAGES } from './texts.js';

const build = process.argv[2], folder = `${build}/peers`;
const ROUNDS = 5;
const BUDGET = 25; // seconds of rounds, after which an engine sits out the rest
const REPEATS = [11, 9, 5, 3, 3, 3]; // of a text of each length, in a turn
const TRIAL = { skip: 64, count: 32 }; // of a slice: passages of middling length

const here = (name) => new URL(name, import.meta.url).pathname;
const ours = `${build}/tests/peers/ours`;

// name, what it computes in, the processes that can do it, batch sizes to choose from;
// llama.cpp's f32 shows that the vectors are alike and takes no part in the rounds
const contestants = [
  { name: 'ours f32', precision: 'f32', commands: [[ours, folder, 'f32']] },
  { name: 'ours bf16', precision: 'bf16', commands: [[ours, folder, 'bf16']] },
  { name: 'ours int8', precision: 'int8', commands: [[ours, folder, 'int8']] },
  { name: 'SELECT embed(), int8', precision: 'int8', commands: [[ours, folder, 'sql-int8']] },
  ...['f32', 'int8'].map((precision) => ({
    name: `ONNX Runtime ${precision}`, precision, batches: [1, 8, 32],
    commands: ['export', 'fused'].map((form) =>
      ['node', here('ort.js'), folder, `${precision}-${form}`]),
  })),
  ...[['f32', 'f32'], ['bf16', 'bf16'], ['q8_0', 'int8']].map(([format, precision]) => ({
    name: `llama.cpp ${format}`, precision, batches: [1, 8], isCompared: format !== 'f32',
    commands: [['node', here('llama.js'), folder, format]],
  })),
];

const pairs = [
  ['ours f32', 'ONNX Runtime f32'], ['ours int8', 'ONNX Runtime int8'],
  ['SELECT embed(), int8', 'ONNX Runtime int8'],
  ['ours bf16', 'llama.cpp bf16'], ['ours int8', 'llama.cpp q8_0'],
];

const say = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const head = (...cells) => { say(...cells); say(...cells.map(() => '---')); };

// Opens all that will open; the most memory is asked for before anything else is done.
async function openAll() {
  const open = [];
  for (const c of contestants) {
    c.engines = [];
    for (const [command, ...args] of c.commands) {
      const { engine, error } = await Engine.start(c.name, command, args);
      try {
        if (error) throw new Error(error);
        await engine.time(1, LENGTHS.indexOf(512), 1, 1, 1);
        [engine.megabytes] = await engine.ask('memory');
        c.engines.push(engine);
      } catch (e) {
        console.log(`left out: ${c.name}: ${e.message}`);
        engine?.stop();
      }
    }
    if (c.engines.length > 0) open.push(c);
  }
  return open;
}

const cosine = (a, b) => {
  const dot = (x, y) => x.reduce((s, v, i) => s + v * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

// How alike the vectors are: the least cosine of a few texts to our own in f32.
async function compare(open) {
  const reference = open.find((c) => c.name === 'ours f32')?.engines[0];
  const least = [];
  for (const c of open) {
    if (c.name.startsWith('SELECT') || reference === undefined) continue;
    for (const engine of c.engines) {
      let worst = 1;
      for (const line of [0, 2, 5, 20, 100])
        worst = Math.min(worst, cosine(await reference.vector(line), await engine.vector(line)));
      engine.cosine = worst;
    }
    const worst = Math.min(...c.engines.map((e) => e.cosine));
    if (c.engines[0] !== reference) least.push(`${c.name} ${worst.toFixed(5)}`);
  }
  console.log(`\nleast cosine to ours in f32: ${least.join(', ')}\n`);
}

// The figures: a text of each length, then the mix.
function figuresOf(slices) {
  const single = LENGTHS.map((n, i) => ({
    name: `${n}`, lengths: () => [n], time: (e, threads) => e.time(threads, i, 1, 1, REPEATS[i]),
  }));
  const part = (round) => slices[round % slices.length];
  const mix = {
    name: 'mix', lengths: (round) => part(round).lengths,
    time: (e, threads, batch, round) =>
      e.time(threads, part(round).first, part(round).count, batch ?? part(round).count, 1),
    trial: (e, batch) => e.time(1, slices[0].first + TRIAL.skip, TRIAL.count, batch, 3),
  };
  return [...single, mix];
}

// The fastest process and batch size for each figure, found on one thread.
async function choose(c, figures) {
  c.choice = new Map();
  for (const f of figures) {
    let best = { seconds: Infinity };
    for (const engine of c.engines)
      for (const batch of f.trial && c.batches ? c.batches : [undefined]) {
        const isOnly = c.engines.length === 1 && batch === undefined;
        const seconds = isOnly ? 0 : await (f.trial ?? f.time)(engine, f.trial ? batch : 1);
        if (seconds < best.seconds) best = { seconds, engine, batch };
      }
    c.choice.set(f.name, best);
  }
}

// times.get(name)[threads][figure]: seconds of each round, undefined where it sat out
async function runRounds(open, figures, threadCounts) {
  const blank = () => Object.fromEntries(figures.map((f) => [f.name, []]));
  const times = new Map(open.map((c) =>
    [c.name, Object.fromEntries(threadCounts.map((n) => [n, blank()]))]));
  const spent = new Map(open.map((c) => [c, 0]));
  for (let round = 0; round < ROUNDS; round++)
    for (const threads of threadCounts)
      for (const f of figures)
        for (let i = 0; i < open.length; i++) {
          const c = open[(i + round) % open.length];
          if (spent.get(c) > BUDGET) continue;
          const { engine, batch } = c.choice.get(f.name);
          const start = performance.now();
          times.get(c.name)[threads][f.name][round] = await f.time(engine, threads, batch, round);
          spent.set(c, spent.get(c) + (performance.now() - start) / 1e3);
        }
  return times;
}

// Their time through ours, of the rounds in which both took part.
const ratios = (theirs, mine) =>
  theirs.map((t, i) => t / mine[i]).filter((ratio) => ratio > 0);

function printRatios(times, figures, threadCounts) {
  console.log('Times as fast as: median of the rounds (least - greatest). One text of so many',
    'tokens;\nthe mix. By processor time on one thread.\n');
  head('', 'threads', 'rounds', ...figures.map((f) => f.name));
  for (const [our, their] of pairs) {
    if (!times.has(our) || !times.has(their)) continue;
    for (const threads of threadCounts) {
      const all = figures.map((f) =>
        ratios(times.get(their)[threads][f.name], times.get(our)[threads][f.name]));
      say(`${our} : ${their}`, threads, all.at(-1).length, ...all.map((list) => {
        const [low, mid, high] = [0, 0.5, 1].map((q) => quantile(list, q)?.toFixed(2));
        return list.length > 0 ? `**${mid}** (${low} - ${high})` : '';
      }));
    }
  }
  if (threadCounts.length > 1)
    for (const [name, byThreads] of times)
      if (name.startsWith('ours'))
        say(`${name}: two threads : one, if nothing else runs`, '', '', ...figures.map((f) =>
          median(ratios(byThreads[1][f.name], byThreads[2][f.name]))?.toFixed(2)));
}

const sum = (list) => list.reduce((a, b) => a + b);

function printEngines(open, times, figures, threadCounts, peaks) {
  console.log('\nMilliseconds for one text; the mix. GFLOP/s of the mix count products and',
    'attention;\nof the peak: of the instructions named above. MB: most memory of a process',
    'that opened\nthe model and embedded 512 tokens on one thread; those of others are node\'s',
    'too.\n');
  head('', 'threads', ...LENGTHS, 'mix, tokens/s', 'GFLOP/s', 'of the peak', 'MB', 'graph, batch');
  for (const c of open)
    for (const threads of threadCounts) {
      const t = times.get(c.name)[threads];
      const mix = figures.at(-1);
      if (t.mix.length === 0) continue;
      const rates = t.mix.map((s, round) => sum(mix.lengths(round)) / s);
      const speeds = t.mix.map((s, round) => sum(mix.lengths(round).map(flops)) / s / 1e9);
      const peak = threads * (peaks[c.precision] ?? peaks.f32);
      const { engine, batch } = c.choice.get('mix');
      say(c.name, threads, ...LENGTHS.map((n) => (1e3 * median(t[n])).toFixed(2)),
        median(rates).toFixed(0), median(speeds).toFixed(1),
        peak ? (median(speeds) / peak).toFixed(2) : '', engine.megabytes.toFixed(0),
        batch ? `${c.commands[c.engines.indexOf(engine)].at(-1)}, ${batch}` : '');
    }
}

// name -> billion operations a second of one core; where a CPU lacks bfloat16, as f32.
function measurePeaks() {
  const peaks = {}, told = [];
  for (const line of output(`${build}/tests/peers/peak`, []).trim().split('\n')) {
    const [name, by, speed] = line.split('\t');
    peaks[name] = Number(speed);
    told.push(`${name} ${speed} by ${by}`);
  }
  console.log(`peak of one core, billion operations a second: ${told.join('; ')}`);
  return peaks;
}

const { slices } = (() => {
  makeModel(folder);
  return JSON.parse(readFileSync(`${folder}/texts.json`, 'utf8'));
})();
const problem = installPeers(folder);
if (problem) console.log(`peers could not be installed: ${problem}`);
console.log(`\nEncoding: all-MiniLM-L6-v2's shape with random weights; mix: ${PASSAGES}`,
  `passages, ${sum(slices.flatMap((s) => s.lengths))} tokens; ${cpus()[0].model},`,
  `${cpus().length} cores`);
const peaks = measurePeaks();
const everyone = await openAll();
const figures = figuresOf(slices);
const threadCounts = cpus().length > 1 ? [1, 2] : [1];
await compare(everyone);
const open = everyone.filter((c) => c.isCompared !== false);
for (const c of everyone) if (!open.includes(c)) c.engines.forEach((e) => e.stop());
for (const c of open) await choose(c, figures);
const times = await runRounds(open, figures, threadCounts);
printRatios(times, figures, threadCounts);
printEngines(open, times, figures, threadCounts, peaks);
for (const c of open) if (!c.name.startsWith('ours')) c.engines.forEach((e) => e.stop());
await scaling(open, times, slices[0], { say, head });
open.forEach((c) => c.engines.forEach((e) => e.stop()));
await startup(ours, folder, build);
instructions(ours, folder);
lembed(folder);
