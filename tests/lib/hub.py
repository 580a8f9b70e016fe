#!/usr/bin/env python3
"""hub.py PORT_FILE LOG - a small Hugging Face hub for tests/download.sh.

Serves the tiny model under several names, each wrong in its own way, on a port of its own
choice that it writes to PORT_FILE. Requests go to LOG: path, range, whether there was a
token.
"""
import hashlib
import http.server
import json
import os
import re
import struct
import sys

COMMIT = '0123456789abcdef0123456789abcdef01234567'
OLD = 'abcdef0123456789abcdef0123456789abcdef01'


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def tiny():
    files = {}
    for folder, _, names in os.walk('tests/data/tiny'):
        for n in names:
            path = os.path.join(folder, n)
            files[os.path.relpath(path, 'tests/data/tiny')] = read(path)
    return files


def shards(files):
    """The same model with its weights in two files and an index."""
    out = dict(files)
    b = out.pop('model.safetensors')
    n = struct.unpack('<Q', b[:8])[0]
    header = json.loads(b[8:8 + n])
    header.pop('__metadata__', None)
    weight_map = {}
    for i, names in enumerate((sorted(header)[:20], sorted(header)[20:])):
        file = 'model-%05d-of-00002.safetensors' % (i + 1)
        part, data = {}, b''
        for name in names:
            begin, end = header[name]['data_offsets']
            bytes_ = b[8 + n + begin:8 + n + end]
            part[name] = dict(header[name], data_offsets=[len(data), len(data) + len(bytes_)])
            data += bytes_
            weight_map[name] = file
        head = json.dumps(part).encode()
        out[file] = struct.pack('<Q', len(head)) + head + data
    out['model.safetensors.index.json'] = json.dumps({'weight_map': weight_map}).encode()
    return out


TINY = dict(tiny(), **{'README.md': b'# tiny', 'pytorch_model.bin': b'PK', 'onnx/model.onnx': b'o'})
Q8, Q4 = read('tests/data/gguf/tiny-q8_0.gguf'), read('tests/data/gguf/tiny-q4_0.gguf')
MODELS = {
    'org/tiny': TINY,
    'tiny': TINY,
    'org/cut': TINY,
    'org/wrong': TINY,
    'org/gated': TINY,
    'org/sharded': shards(TINY),
    'org/one': {'q8.gguf': Q8, 'README.md': b'', 'config.json': b'{}'},
    'org/two': {'q8.gguf': Q8, 'q4.gguf': Q4},
    'org/twins': {**tiny(), '2_Dense/config.json': b'{}', '3_Dense/config.json': b'{}'},
    'org/pickle': {'config.json': b'{}', 'pytorch_model.bin': b'PK'},
    'org/evil': dict(TINY, **{'../evil.gguf': b'x', '1_../x': b'x', '1_P/../../model.safetensors': b'x',
                              "1_'; .shell touch evil; /config.json": b'x'}),
}


def sibling(model, name, data):
    git = hashlib.sha1(b'blob %d\0' % len(data) + data).hexdigest()
    s = {'rfilename': name, 'size': len(data), 'blobId': git}
    if name.endswith(('.safetensors', '.gguf', '.bin')):
        sha = hashlib.sha256(data).hexdigest()
        if model == 'org/wrong' and name == 'model.safetensors':
            sha = hashlib.sha256(b'something else').hexdigest()
        s['lfs'] = {'sha256': sha, 'size': len(data), 'pointerSize': 134}
    return s


class Hub(http.server.BaseHTTPRequestHandler):
    def reply(self, code, data=b'', headers=(), cut=None):
        self.send_response(code)
        for h in headers:
            self.send_header(*h)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data if cut is None else data[:cut])

    def do_GET(self):
        token = self.headers.get('Authorization')
        with open(sys.argv[2], 'a') as log:
            print(self.path, self.headers.get('Range', '-'), token or '-', file=log)
        api = re.fullmatch(r'/api/models/(.+)/revision/([^/?]+)\?blobs=true', self.path)
        if api:
            model, revision = api.groups()
            if model == 'org/private':
                return self.reply(401)
            if model == 'org/broken':
                return self.reply(200, b'<html>')
            if model not in MODELS or revision not in ('main', 'v1', COMMIT, OLD):
                return self.reply(404)
            files = [sibling(model, n, d) for n, d in MODELS[model].items()]
            commit = OLD if revision in ('v1', OLD) else COMMIT
            return self.reply(200, json.dumps({'sha': commit, 'siblings': files}).encode())
        get = re.fullmatch(r'/(.+)/resolve/(%s|%s)/(.+)' % (COMMIT, OLD), self.path)
        data = MODELS.get(get.group(1), {}).get(get.group(3)) if get else None
        if data is None:
            return self.reply(404)
        if get.group(1) == 'org/gated' and token != 'Bearer secret':
            return self.reply(403)
        wanted = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', ''))
        if wanted:
            start = int(wanted.group(1))
            return self.reply(206, data[start:], [
                ('Content-Range', 'bytes %d-%d/%d' % (start, len(data) - 1, len(data)))])
        is_cut = get.group(1) == 'org/cut' and get.group(3) == 'model.safetensors'
        return self.reply(200, data, cut=len(data) // 2 if is_cut else None)

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(('127.0.0.1', 0), Hub)
with open(sys.argv[1] + '.new', 'w') as f:
    f.write(str(server.server_port))
os.rename(sys.argv[1] + '.new', sys.argv[1])
server.serve_forever()
