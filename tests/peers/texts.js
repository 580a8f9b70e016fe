// texts.js - a vocabulary of made-up words, and texts of given numbers of tokens.
//
// A text's tokens are known when it is written: a word is a whole piece, or one and a suffix
// ("##..."), and there is no other way to split it.
import { randomBits, shape } from './shape.js';

export const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const CLS = 2, SEP = 3;
const SUFFIXES = 2000; // of the pieces; one word in five ends in one
export const LENGTHS = [8, 16, 64, 128, 256, 512];
export const PASSAGES = 1000, SLICES = 8, BATCH = 32;

// Word number i: consonants and vowels in turn, six letters. Whole pieces get an "x" behind
// it and suffixes a "q", so that no piece is the beginning of another.
function word(i) {
  const consonants = 'bcdfghjklmnprstv', vowels = 'aeiou';
  let text = '';
  for (let k = 0; k < 3; k++) {
    text += consonants[i % 16] + vowels[(i >> 4) % 5];
    i = Math.floor(i / 80);
  }
  return text;
}

export function makeVocabulary() {
  const pieces = [...specials];
  for (let i = 0; i < SUFFIXES; i++) pieces.push(`##${word(i * 7)}q`);
  for (let i = 0; pieces.length < shape.pieces; i++) pieces.push(`${word(i * 11)}x`);
  if (new Set(pieces).size !== pieces.length) throw new Error('a piece comes twice');
  return pieces;
}

function makeText(pieces, next, nTokens) {
  const first = specials.length + SUFFIXES;
  const ids = [CLS];
  let text = '';
  while (ids.length < nTokens - 1) {
    const id = first + (next() % (pieces.length - first));
    text += (text === '' ? '' : ' ') + pieces[id];
    ids.push(id);
    if (ids.length < nTokens - 1 && next() % 5 === 0) {
      const suffix = specials.length + (next() % SUFFIXES);
      text += pieces[suffix].slice(2);
      ids.push(suffix);
    }
  }
  ids.push(SEP);
  return { ids, text };
}

// Lengths of passages: 8 to 256 tokens, mean 59, many short ones and few long.
function passageLengths(next) {
  const lengths = [];
  for (let i = 0; i < PASSAGES; i++)
    lengths.push(8 + Math.round(248 * ((next() / 4294967296) ** 3.86)));
  return lengths.sort((a, b) => a - b);
}

// All texts: one of each of LENGTHS, then the mix. The mix is sorted by length, cut into
// batches, and every SLICES-th batch goes into a slice, so that each slice is like the
// whole; `slices` says where each begins and how many texts and tokens it has.
export function makeTexts(pieces, seed) {
  const next = randomBits(seed);
  const texts = LENGTHS.map((n) => makeText(pieces, next, n));
  const mix = passageLengths(next).map((n) => makeText(pieces, next, n));
  const slices = [];
  for (let slice = 0; slice < SLICES; slice++) {
    const first = texts.length;
    for (let at = slice * BATCH; at < PASSAGES; at += SLICES * BATCH)
      texts.push(...mix.slice(at, at + BATCH));
    const part = texts.slice(first);
    slices.push({ first, count: part.length, lengths: part.map((t) => t.ids.length) });
  }
  return { texts, slices };
}

// Floating-point operations of a text of T tokens: the products of all layers, and scores
// and sums of attention.
export function flops(T) {
  const { layers, width: D, inner } = shape;
  return layers * (2 * T * (4 * D * D + 2 * D * inner) + 4 * T * T * D);
}
