// onnx.js - a graph of named nodes -> an ONNX file, by writing the protocol buffers it
// consists of: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
//
// A message is its fields one after the other: a tag (number of the field * 8 + kind of the
// value), then a variable-length integer (kind 0), bytes with their length (2) or a 32-bit
// float (5). Numbers of fields stand beside the names that onnx.proto gives them.
import { writeFileSync } from 'node:fs';
import { bytesOf } from './safetensors.js';

function varint(v) {
  const out = [];
  let rest = BigInt.asUintN(64, BigInt(v));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    out.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(out);
}

const int = (field, v) => Buffer.concat([varint(field * 8), varint(v)]);
const message = (field, parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
};
const text = (field, s) => message(field, [Buffer.from(s)]);
const float = (field, v) => {
  const b = Buffer.alloc(4);
  b.writeFloatLE(v);
  return Buffer.concat([varint(field * 8 + 5), b]);
};

export const FLOAT = 1, UINT8 = 2, INT8 = 3, INT32 = 6, INT64 = 7; // TensorProto.DataType
const arrays = {
  [FLOAT]: Float32Array, [UINT8]: Uint8Array, [INT8]: Int8Array, [INT32]: Int32Array,
  [INT64]: BigInt64Array,
};

// AttributeProto: name 1, f 2, i 3, ints 8, type 20 (FLOAT 1, INT 2, INTS 7). Whole numbers
// are integers; {float: v} is a float.
function attribute(name, v) {
  if (Array.isArray(v))
    return message(5, [text(1, name), ...v.map((x) => int(8, x)), int(20, 7)]);
  if (typeof v === 'object')
    return message(5, [text(1, name), float(2, v.float), int(20, 1)]);
  return message(5, [text(1, name), int(3, v), int(20, 2)]);
}

// ValueInfoProto: name 1, type 2; TypeProto.Tensor: elem_type 1, shape 2; a dimension is
// a number (1) or a name (2).
function valueInfo(field, { name, type, dims }) {
  const shape = dims.map((d) =>
    message(1, [typeof d === 'number' ? int(1, d) : text(2, d)]));
  return message(field, [
    text(1, name), message(2, [message(1, [int(1, type), message(2, shape)])]),
  ]);
}

export class Graph {
  #nodes = [];
  #tensors = [];
  #count = 0;

  // A constant and its name; a plain number or list of them is an array of that type.
  tensor(type, dims, data, name = `c${this.#count++}`) {
    const typed = ArrayBuffer.isView(data)
      ? data : arrays[type].from([data].flat(), type === INT64 ? BigInt : Number);
    // TensorProto: dims 1, data_type 2, name 8, raw_data 9
    this.#tensors.push(message(5, [
      ...dims.map((d) => int(1, d)), int(2, type), text(8, name), message(9, [bytesOf(typed)]),
    ]));
    return name;
  }

  // NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. Gives the names
  // of the outputs, or the name if there is one.
  node(op, inputs, attributes = {}, { domain = '', outputs = 1 } = {}) {
    const name = `${op}_${this.#count++}`;
    const names = Array.isArray(outputs)
      ? outputs : Array.from({ length: outputs }, (_, i) => `${name}:${i}`);
    this.#nodes.push(message(1, [
      ...inputs.map((s) => text(1, s)), ...names.map((s) => text(2, s)), text(3, name),
      text(4, op), ...Object.entries(attributes).map(([k, v]) => attribute(k, v)),
      text(7, domain),
    ]));
    return names.length === 1 ? names[0] : names;
  }

  // ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8 {domain 1, version 2}.
  // GraphProto: node 1, name 2, initializer 5, input 11, output 12.
  write(path, inputs, outputs) {
    const opset = (domain, version) => message(8, [text(1, domain), int(2, version)]);
    writeFileSync(path, Buffer.concat([
      int(1, 8), text(2, 'peers'),
      message(7, [
        ...this.#nodes, text(2, 'encoder'), ...this.#tensors,
        ...inputs.map((v) => valueInfo(11, v)), ...outputs.map((v) => valueInfo(12, v)),
      ]),
      opset('', 17), opset('com.microsoft', 1),
    ]));
  }
}
