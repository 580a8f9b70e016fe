// ort.js FOLDER GRAPH - ONNX Runtime as a process of its own (serve.js).
//
// Tokens are ready ids in tensors made beforehand: what is timed is its call alone. Texts
// of a batch are padded to the longest.
import { peer, serve } from './serve.js';

const [folder, graph] = process.argv.slice(2);
const { InferenceSession, Tensor } = peer(folder)('onnxruntime-node');

const open = (threads) => InferenceSession.create(`${folder}/model/${graph}.onnx`, {
  intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all',
  executionMode: 'sequential', executionProviders: ['cpu'],
});

function feedsOf(texts) {
  const length = Math.max(...texts.map((t) => t.length)), n = texts.length * length;
  const ids = new BigInt64Array(n), mask = new BigInt64Array(n);
  texts.forEach((text, i) => text.forEach((id, j) => {
    ids[i * length + j] = BigInt(id);
    mask[i * length + j] = 1n;
  }));
  const tensor = (data) => new Tensor('int64', data, [texts.length, length]);
  return {
    input_ids: tensor(ids), attention_mask: tensor(mask),
    token_type_ids: tensor(new BigInt64Array(n)),
  };
}

serve(folder, async () => {
  const sessions = new Map([[1, await open(1)]]); // by number of threads
  const made = new Map();                         // a batch's texts -> its tensors
  const feeds = (texts) => {
    const key = texts.map((t) => t.join(' ')).join();
    if (!made.has(key)) made.set(key, feedsOf(texts));
    return made.get(key);
  };
  return {
    async prepare(threads, batches) {
      if (!sessions.has(threads)) sessions.set(threads, await open(threads));
      return { session: sessions.get(threads), feeds: batches.map(feeds) };
    },
    async run({ session, feeds: all }) {
      for (const one of all) await session.run(one);
    },
    async vector(text) {
      return (await sessions.get(1).run(feeds([text]))).sentence_embedding.data;
    },
  };
});
