// engine.js - a process that embeds, and what we ask of it in the protocol of serve.js.
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Engine {
  #child;
  #lines;

  // Gives {engine} or {error}.
  static async start(name, command, args) {
    const engine = new Engine();
    engine.name = name;
    engine.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    engine.#child.on('error', () => {});
    engine.#child.stdin.on('error', () => {});
    engine.#lines = createInterface({ input: engine.#child.stdout })[Symbol.asyncIterator]();
    try {
      engine.openSeconds = Number((await engine.#next()).split(' ')[1]);
      return { engine };
    } catch (e) {
      engine.stop();
      return { error: e.message };
    }
  }

  async #next() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the process ended');
    if (value.startsWith('error')) throw new Error(value.slice(6));
    return value;
  }

  async ask(...words) {
    this.#child.stdin.write(`${words.join(' ')}\n`);
    return (await this.#next()).split(' ').map(Number);
  }

  // Seconds: the median after one rehearsal if it is asked more than once.
  async time(threads, first, count, batch, repeats) {
    const times = await this.ask('time', threads, first, count, batch, repeats);
    return median(times.length > 1 ? times.slice(1) : times);
  }

  vector(line) { return this.ask('vector', line); }

  stop() { this.#child.kill(); }
}

// The value that so great a part of them lies under; undefined of nothing.
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(part * (sorted.length - 1))];
}

export const median = (values) => quantile(values, 0.5);

// What a command printed, or an error that says how it ended.
export function output(command, args, options = {}) {
  const r = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (r.error) throw new Error(`${command}: ${r.error.code}`);
  if (r.status !== 0) {
    const last = r.stderr.trim().split('\n').at(-1);
    throw new Error(`${command}: ${last || `ended by ${r.signal ?? r.status}`}`);
  }
  return r.stdout;
}
