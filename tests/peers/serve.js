// serve.js - the line protocol of an engine's process, for those in JavaScript.
//
// On its own it says "ready SECONDS", the time it took to open the model. Then, a line for
// a line:
//   time THREADS FIRST COUNT BATCH REPEATS   the texts of these lines of ids.txt, BATCH at a
//                                            time -> seconds, one number for each repeat:
//                                            with one thread of the process's processor time
//                                            (which other work bears on less), else of time
//   vector LINE                              -> the vector of a text
//   memory                                   -> the most memory it ever had, in MB
// Nothing to do or a failure: "error SENTENCE".
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const seconds = () => Number(process.hrtime.bigint()) / 1e9;
const processorSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

export const peakMegabytes = (pid = 'self') => {
  const line = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line[1]) / 1024;
};

// A package that lies in the folder of peers.
export const peer = (folder) => createRequire(resolve(folder, 'package.json'));

// open() -> {prepare(threads, batches), run(what prepare gave), vector(ids)}, where batches
// are lists of lists of ids; only run is timed.
export async function serve(folder, open) {
  const lines = readFileSync(`${folder}/ids.txt`, 'utf8').trimEnd().split('\n');
  const ids = lines.map((line) => line.split(' ').map(Number));
  const start = seconds();
  const engine = await open();
  console.log(`ready ${seconds() - start}`);

  async function answer([what, ...args]) {
    if (what === 'memory') return peakMegabytes().toFixed(1);
    if (what === 'vector') return Array.from(await engine.vector(ids[args[0]])).join(' ');
    const [threads, first, count, batch, repeats] = args.map(Number);
    const batches = [];
    for (let i = 0; i < count; i += batch)
      batches.push(ids.slice(first + i, first + Math.min(i + batch, count)));
    const prepared = await engine.prepare(threads, batches);
    const times = [], clock = threads === 1 ? processorSeconds : seconds;
    for (let i = 0; i < repeats; i++) {
      const from = clock();
      await engine.run(prepared);
      times.push(clock() - from);
    }
    return times.join(' ');
  }

  for await (const line of createInterface({ input: process.stdin })) {
    try {
      console.log(await answer(line.split(' ')));
    } catch (e) {
      console.log(`error ${String(e.message).split('\n')[0]}`);
    }
  }
  process.exit(0);
}
