// model.js FOLDER - one random model in every format, and the texts for it, made once.
//
//   FOLDER/model/             a Hugging Face directory
//   FOLDER/model/P-F.onnx     P: f32, int8; F: export, fused
//   FOLDER/model/P.gguf       P: f32, bf16, q8_0
//   FOLDER/texts.txt, ids.txt a line for each text, the same in both
//   FOLDER/texts.json         which lines are what
// A file "done" is written last; where it names this version, nothing is made.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { makeWeights } from './shape.js';
import { writeDirectory } from './safetensors.js';
import { writeGguf } from './gguf.js';
import { writeOnnx } from './graph.js';
import { makeTexts, makeVocabulary } from './texts.js';

const VERSION = '1';

export function makeModel(folder) {
  const model = `${folder}/model`, done = `${model}/done`;
  if (existsSync(done) && readFileSync(done, 'utf8') === VERSION) return;
  mkdirSync(model, { recursive: true });
  const pieces = makeVocabulary(), weights = makeWeights(1);
  const { texts, slices } = makeTexts(pieces, 2);
  writeFileSync(`${folder}/texts.txt`, texts.map((t) => `${t.text}\n`).join(''));
  writeFileSync(`${folder}/ids.txt`, texts.map((t) => `${t.ids.join(' ')}\n`).join(''));
  writeFileSync(`${folder}/texts.json`, JSON.stringify({ slices }));
  writeDirectory(model, weights, pieces);
  for (const form of ['export', 'fused'])
    for (const precision of ['f32', 'int8'])
      writeOnnx(`${model}/${precision}-${form}.onnx`, weights, precision, form);
  for (const format of ['f32', 'bf16', 'q8_0'])
    writeGguf(`${model}/${format}.gguf`, weights, pieces, format);
  writeFileSync(done, VERSION);
}
