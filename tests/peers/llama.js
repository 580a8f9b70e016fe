// llama.js FOLDER FORMAT - llama.cpp, as node-llama-cpp ships it, as a process (serve.js).
//
// Tokens are ready ids, given to the addon's own batch: what is timed is llama.cpp's call
// and hardly more. A batch is that many sequences side by side.
import { peer, serve } from './serve.js';

const [folder, format] = process.argv.slice(2);
const SEQUENCES = 8, TOKENS = 2048; // at a time
const path = peer(folder).resolve('node-llama-cpp');

serve(folder, async () => {
  const { getLlama, LlamaLogLevel } = await import(path);
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: `${folder}/model/${format}.gguf` });
  const context = await model.createContext({
    contextSize: TOKENS, batchSize: TOKENS, sequences: SEQUENCES, threads: 1,
    _embeddings: true,
  });
  const bare = context._ctx;
  const run = async (texts) => {
    bare.initBatch(texts.reduce((n, t) => n + t.length, 0));
    texts.forEach((t, i) => bare.addToBatch(i, 0, t, Uint32Array.from(t, (_, j) => j)));
    await bare.decodeBatch();
    return bare.getEmbedding(texts[0].length);
  };
  return {
    async prepare(threads, batches) {
      bare.setThreads(threads);
      return batches.map((texts) => texts.map((t) => Uint32Array.from(t)));
    },
    async run(batches) {
      for (const texts of batches) await run(texts);
    },
    vector: (text) => run([Uint32Array.from(text)]),
  };
});
