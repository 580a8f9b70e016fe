// more.js - what is told of our engine alone: how cost grows, how long it takes to start,
// how many instructions it executes; and sqlite-lembed, which is too slow for the rounds.
import { readFileSync } from 'node:fs';
import { Engine, median, output } from './engine.js';
import { LENGTHS } from './texts.js';

const BATCHES = [1, 2, 4, 8, 16, 32, 64];
const STARTS = 7;

// Throughput against the length of one text, and against texts given at once.
export async function scaling(open, times, slice, { say, head }) {
  const mine = open.filter((c) => c.name.startsWith('ours'));
  console.log('\nHow cost grows: tokens/s on one thread, by tokens in one text and by texts',
    'at once.\n');
  head('', ...LENGTHS.map((n) => `${n} tokens`), ...BATCHES.map((n) => `${n} texts`));
  for (const c of mine) {
    const tokens = slice.lengths.slice(32, 96).reduce((a, b) => a + b);
    const rates = [];
    for (const batch of BATCHES)
      rates.push(tokens / await c.engines[0].time(1, slice.first + 32, 64, batch, 3));
    say(c.name, ...LENGTHS.map((n) => (n / median(times.get(c.name)[1][n])).toFixed(0)),
      ...rates.map((r) => r.toFixed(0)));
  }
}

async function opening(ours, folder, precision) {
  const opens = [], firsts = [];
  for (let i = 0; i < STARTS; i++) {
    const { engine, error } = await Engine.start(precision, ours, [folder, precision]);
    if (error) return null;
    opens.push(1e3 * engine.openSeconds);
    firsts.push(1e3 * await engine.time(1, 0, 1, 1, 1));
    engine.stop();
  }
  return `${precision} ${median(opens).toFixed(1)} ms, its first 8 tokens ` +
    `${median(firsts).toFixed(1)} ms`;
}

export async function startup(ours, folder, build) {
  const loads = [], firsts = [];
  for (let i = 0; i < STARTS; i++) {
    const line = output(ours, [folder, 'startup', `${build}/encoder.so`]);
    const [load, first] = line.split(' ').map(Number);
    loads.push(load);
    firsts.push(first);
  }
  console.log(`\nStart, median of ${STARTS} fresh processes: load the extension`,
    `${median(loads).toFixed(2)} ms, first embed() of the built-in model`,
    `${median(firsts).toFixed(2)} ms`);
  const told = [];
  for (const p of ['f32', 'bf16', 'int8']) told.push(await opening(ours, folder, p));
  console.log(`Open the mapped model: ${told.filter((t) => t !== null).join('; ')}`);
}

// Instructions of the texts of 8 and 16 tokens, once each, on one thread: what callgrind
// counts inside embed_timed. The vector asked for before has packed the weights.
function count(ours, folder, engine) {
  const file = `${folder}/callgrind.out`;
  output('valgrind', ['--tool=callgrind', `--callgrind-out-file=${file}`,
    '--collect-atstart=no', '--toggle-collect=embed_timed*', ours, folder, engine],
  { input: 'vector 0\ntime 1 0 2 1 1\n', stdio: ['pipe', 'ignore', 'pipe'] });
  return Number(/^(?:summary|totals): (\d+)/m.exec(readFileSync(file, 'utf8'))[1]);
}

export function instructions(ours, folder) {
  const told = [];
  try {
    for (const engine of ['f32', 'int8'])
      told.push(`${engine} ${(count(ours, folder, engine) / 1e6).toFixed(2)}`);
    console.log('Million instructions for a text of 8 tokens and one of 16, by callgrind:',
      told.join(', '));
  } catch (e) {
    console.log(`instructions: left out: ${e.message}`);
  }
}

export function lembed(folder) {
  const library = `${folder}/node_modules/sqlite-lembed-linux-x64/lembed0`;
  try {
    const text = readFileSync(`${folder}/texts.txt`, 'utf8').split('\n')[0];
    const printed = output('sqlite3', [':memory:'], {
      timeout: 30000,
      input: [
        `.load ${library}`,
        'INSERT INTO temp.lembed_models(name, model)',
        `SELECT 'm', lembed_model_from_file('${folder}/model/q8_0.gguf');`,
        '.timer on',
        `SELECT length(lembed('m', '${text}'));`,
      ].join('\n'),
    });
    const seconds = Number(/real ([\d.]+)/.exec(printed)[1]);
    console.log(`sqlite-lembed q8_0, one text of 8 tokens: ${(1e3 * seconds).toFixed(0)} ms`);
  } catch (e) {
    console.log(`left out: sqlite-lembed: ${e.message}`);
  }
}
