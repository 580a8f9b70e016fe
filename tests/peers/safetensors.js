// safetensors.js - tensors -> a Hugging Face directory as sentence-transformers keeps one.
//
// The file: the header's length (8 bytes, little-endian), a JSON header of name -> dtype,
// shape and data_offsets, the tensors' bytes one after the other.
import { mkdirSync, openSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { shape } from './shape.js';

export const bytesOf = (a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength);

function writeTensors(path, tensors) {
  const header = {};
  let at = 0;
  for (const [name, { dims, data }] of tensors) {
    header[name] = {
      dtype: 'F32', shape: dims, data_offsets: [at, at + data.byteLength],
    };
    at += data.byteLength;
  }
  let json = JSON.stringify(header);
  json += ' '.repeat((8 - (json.length % 8)) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = openSync(path, 'w');
  writeSync(file, length);
  writeSync(file, json);
  for (const { data } of tensors.values()) writeSync(file, bytesOf(data));
  closeSync(file);
}

const files = {
  'config.json': {
    architectures: ['BertModel'], model_type: 'bert', hidden_act: 'gelu',
    vocab_size: shape.pieces, hidden_size: shape.width, num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads, intermediate_size: shape.inner,
    max_position_embeddings: shape.positions, type_vocab_size: shape.segments,
    layer_norm_eps: shape.eps, position_embedding_type: 'absolute', pad_token_id: 0,
  },
  'modules.json': ['Transformer', 'Pooling', 'Normalize'].map((type, i) => ({
    idx: i, name: `${i}`, path: i === 0 ? '' : `${i}_${type}`,
    type: `sentence_transformers.models.${type}`,
  })),
  '1_Pooling/config.json': {
    word_embedding_dimension: shape.width, pooling_mode_mean_tokens: true,
  },
  'sentence_bert_config.json': { max_seq_length: shape.positions, do_lower_case: false },
  'tokenizer_config.json': {
    tokenizer_class: 'BertTokenizer', do_lower_case: true, pad_token: '[PAD]',
    unk_token: '[UNK]', cls_token: '[CLS]', sep_token: '[SEP]', mask_token: '[MASK]',
  },
};

export function writeDirectory(folder, tensors, pieces) {
  mkdirSync(`${folder}/1_Pooling`, { recursive: true });
  for (const [name, value] of Object.entries(files))
    writeFileSync(`${folder}/${name}`, JSON.stringify(value, null, 2) + '\n');
  writeFileSync(`${folder}/vocab.txt`, pieces.join('\n') + '\n');
  writeTensors(`${folder}/model.safetensors`, tensors);
}
