-- Bad files: a sentence that names the file, the thing in it and both values.

-- Files of a directory, within a safetensors file without tensors: what is wrong with them
-- is said before a tensor is missed.
CREATE TABLE part(name TEXT PRIMARY KEY, text TEXT);
INSERT INTO part SELECT value, CAST(readfile('tests/data/tiny/' || value) AS TEXT)
  FROM json_each('["config.json", "tokenizer.json", "tokenizer_config.json"]');
CREATE TABLE change(name, was, becomes);
INSERT INTO change VALUES(NULL, NULL, NULL);
CREATE VIEW changed AS
  SELECT CAST(x'0080000000000000' || printf('%-32768s', json_object('__metadata__',
           json_group_object(p.name, CASE p.name WHEN c.name THEN replace(text, was, becomes) ELSE text END))) AS BLOB) AS bytes
    FROM part p, change c WHERE text <> '';
SELECT encoder_load(bytes, 'x') FROM changed;

-- config.json is no JSON: a comma behind the last member.
UPDATE change SET (name, was, becomes) = ('config.json', '"float32"', '"float32",');
SELECT encoder_load(bytes, 'x') FROM changed;
-- It ends too soon.
UPDATE change SET (name, was, becomes) = ('config.json', '}', '');
SELECT encoder_load(bytes, 'x') FROM changed;
-- Brackets within brackets, deeper than anybody needs.
UPDATE change SET (name, was, becomes) = ('config.json', '"absolute"', printf('%.*c', 65, '['));
SELECT encoder_load(bytes, 'x') FROM changed;
-- It says a thing twice.
UPDATE change SET (name, was, becomes) = ('config.json', '"vocab_size"', '"hidden_size": 32, "vocab_size"');
SELECT encoder_load(bytes, 'x') FROM changed;
-- It is a list, or empty.
UPDATE change SET (name, was, becomes) = ('config.json', (SELECT text FROM part WHERE name = 'config.json'), '[]');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '';
SELECT encoder_load(bytes, 'x') FROM changed;
-- A width of nothing, of less, of 1e3, of 2^63, of a text.
UPDATE change SET (was, becomes) = ('"hidden_size": 32', '"hidden_size": 0');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"hidden_size": -32';
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"hidden_size": 1e3';
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"hidden_size": 9223372036854775808';
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"hidden_size": 9223372036854775807';
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"hidden_size": "32"';
SELECT encoder_load(bytes, 'x') FROM changed;
-- A width that the heads do not divide.
UPDATE change SET becomes = '"hidden_size": 33';
SELECT encoder_load(bytes, 'x') FROM changed;
-- More layers, and a longer vocabulary, than we take.
UPDATE change SET (was, becomes) = ('"num_hidden_layers": 2', '"num_hidden_layers": 1000000');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET (was, becomes) = ('"vocab_size": 90', '"vocab_size": 1048577');
SELECT encoder_load(bytes, 'x') FROM changed;
-- An architecture that is no encoder of ours, or none.
UPDATE change SET (was, becomes) = ('"model_type": "bert"', '"model_type": "gpt2"');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"model_type": 7';
SELECT encoder_load(bytes, 'x') FROM changed;
-- An activation that we have not.
UPDATE change SET (was, becomes) = ('"hidden_act": "gelu"', '"hidden_act": "mish"');
SELECT encoder_load(bytes, 'x') FROM changed;
-- An epsilon that is no number, or not above 0.
UPDATE change SET (was, becomes) = ('1e-12', 'NaN');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '0';
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '-1e-12';
SELECT encoder_load(bytes, 'x') FROM changed;
-- No position, or too many.
UPDATE change SET (was, becomes) = ('"max_position_embeddings": 64', '"max_position_embeddings": 0');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"max_position_embeddings": 32769';
SELECT encoder_load(bytes, 'x') FROM changed;
-- What must be said is not.
UPDATE change SET (was, becomes) = ('"vocab_size": 90,', '');
SELECT encoder_load(bytes, 'x') FROM changed;
-- Fewer rows in the vocabulary than the tokenizer has pieces.
UPDATE change SET becomes = '"vocab_size": 89,';
SELECT encoder_load(bytes, 'x') FROM changed;

-- tokenizer.json: no unknown piece, a piece twice, one too long, one that is empty.
UPDATE change SET (name, was, becomes) = ('tokenizer.json', '"unk_token": "[UNK]"', '"unk_token": "[NONE]"');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET (was, becomes) = ('"cat":', '"the":');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = printf('"%.*c":', 513, 'c');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"":';
SELECT encoder_load(bytes, 'x') FROM changed;
-- An id that is negative, that two have, that is missed out, beyond all.
UPDATE change SET (was, becomes) = ('"cat": 58', '"cat": -58');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"cat": 57';
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"cat": 90';
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = '"cat": 1048576';
SELECT encoder_load(bytes, 'x') FROM changed;
-- Steps that we have not: their names.
UPDATE change SET (was, becomes) = ('"type": "NFC"', '"type": "Nmt"');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET (was, becomes) = ('"BertPreTokenizer"', '"CharDelimiterSplit"');
SELECT encoder_load(bytes, 'x') FROM changed;
-- A regular expression is refused and never run.
UPDATE change SET (was, becomes) = ('{"type": "BertPreTokenizer"}', '{"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false}');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET (was, becomes) = ('{"type": "NFC"}', '{"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}');
SELECT encoder_load(bytes, 'x') FROM changed;

-- vocab.txt: nothing, no unknown piece, a piece twice, one too long.
UPDATE part SET text = '' WHERE name LIKE 'tokenizer%';
INSERT INTO part SELECT 'vocab.txt', CAST(readfile('tests/data/tiny/vocab.txt') AS TEXT);
UPDATE change SET (name, was, becomes) = ('vocab.txt', (SELECT text FROM part WHERE name = 'vocab.txt'), '');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET (was, becomes) = ('[UNK]', '[NONE]');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET (was, becomes) = ('cat', 'the');
SELECT encoder_load(bytes, 'x') FROM changed;
UPDATE change SET becomes = printf('%.*c', 513, 'c');
SELECT encoder_load(bytes, 'x') FROM changed;
-- More pieces than a vocabulary may have.
SELECT encoder_load(CAST(x'0080200000000000' || printf('%-2129920s', json_object('__metadata__',
         json_object('config.json', (SELECT text FROM part WHERE name = 'config.json'), 'vocab.txt',
                     '[UNK]' || replace(printf('%.*c', 1048576, 'x'), 'x', char(10)) || 'y'))) AS BLOB), 'x');
-- A file longer than any configuration.
SELECT encoder_load(CAST(x'0080110000000000' || printf('%-1146880s', json_object('__metadata__',
         json_object('config.json', printf('%1048577s', '{}')))) AS BLOB), 'x');

-- safetensors: 64 bytes of header, then as many of data as a case needs.
CREATE TABLE header(json);
INSERT INTO header VALUES(NULL);
CREATE VIEW file AS SELECT CAST(x'8000000000000000' || printf('%-128s', json) || x'0000000000000000' AS BLOB) AS bytes FROM header;
-- A header of 100,000,001 bytes, more than its own library reads.
SELECT encoder_load(x'01e1f505000000007b7d', 'x');
-- Two tensors that share bytes; bytes of none between two.
UPDATE header SET json = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}';
SELECT encoder_load(bytes, 'x') FROM file;
UPDATE header SET json = '{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}';
SELECT encoder_load(bytes, 'x') FROM file;
-- More dimensions than a tensor may have.
UPDATE header SET json = '{"a":{"dtype":"F32","shape":[1,1,2,1,1],"data_offsets":[0,8]}}';
SELECT encoder_load(bytes, 'x') FROM file;
-- A tensor of nothing is one, and no reason to complain.
UPDATE header SET json = '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
SELECT encoder_load(bytes, 'x') FROM file;
-- Metadata that is no text.
UPDATE header SET json = '{"__metadata__":{"format":7},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
SELECT encoder_load(bytes, 'x') FROM file;
UPDATE header SET json = '{"__metadata__":"pt","b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
SELECT encoder_load(bytes, 'x') FROM file;
-- Members that are missing, or of another kind.
UPDATE header SET json = '{"a":7}';
SELECT encoder_load(bytes, 'x') FROM file;
UPDATE header SET json = '{"a":{"shape":[2],"data_offsets":[0,8]}}';
SELECT encoder_load(bytes, 'x') FROM file;
UPDATE header SET json = '{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}';
SELECT encoder_load(bytes, 'x') FROM file;
UPDATE header SET json = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}';
SELECT encoder_load(bytes, 'x') FROM file;

-- A whole model, saved and then spoiled. A tensor that is missing, one of another shape.
SELECT encoder_load('tests/data/tiny'), encoder_save('tiny', '$TMP/m');
CREATE TABLE whole AS SELECT readfile('$TMP/m/model.safetensors') AS bytes;
SELECT writefile('$TMP/m/model.safetensors', CAST(replace(bytes, 'encoder.layer.1.output.dense.bias', 'encoder.layer.7.output.dense.bias') AS BLOB)) > 0 FROM whole;
SELECT encoder_load('$TMP/m', 'x');
SELECT writefile('$TMP/m/model.safetensors', CAST(replace(bytes, '[64,32]', '[32,64]') AS BLOB)) > 0 FROM whole;
SELECT encoder_load('$TMP/m', 'x');
-- A weight that is no number is found when it is first used.
SELECT writefile('$TMP/m/model.safetensors', CAST(substr(bytes, 1, length(bytes) - 4) || x'0000c07f' AS BLOB)) > 0 FROM whole;
SELECT encoder_load('$TMP/m', 'nan');
SELECT classify('the cat', 'nan');
SELECT encoder_unload('nan');
-- Tensors at odd places are read all the same.
SELECT writefile('$TMP/m/model.safetensors', CAST(char(unicode(CAST(substr(bytes, 1, 1) AS TEXT)) + 1) || substr(bytes, 2, 7) || '{ ' || substr(bytes, 10) AS BLOB)) - length(bytes) FROM whole;
SELECT encoder_load('$TMP/m', 'odd'), embed('the cat', 'odd') = embed('the cat', 'tiny');
SELECT encoder_unload('odd'), writefile('$TMP/m/model.safetensors', bytes) > 0 FROM whole;
-- Bytes that are no UTF-8, in each file of text.
SELECT writefile('$TMP/m/config.json', CAST(replace(readfile('tests/data/tiny/config.json'), 'float32', x'ff') AS BLOB)) > 0;
SELECT encoder_load('$TMP/m', 'x');
SELECT writefile('$TMP/m/config.json', readfile('tests/data/tiny/config.json')) > 0;
SELECT writefile('$TMP/m/tokenizer.json', CAST(replace(readfile('tests/data/tiny/tokenizer.json'), '"cat"', x'22ff22') AS BLOB)) > 0;
SELECT encoder_load('$TMP/m', 'x');
-- Files of another kind: nothing, an archive of PyTorch's by two names, one of its older
-- files, a compressed one.
SELECT writefile('$TMP/a.safetensors', x''), encoder_load('$TMP/a.safetensors', 'x');
SELECT writefile('$TMP/a.gguf', x''), encoder_load('$TMP/a.gguf', 'x');
SELECT writefile('$TMP/a.bin', x'504b0304'), encoder_load('$TMP/a.bin', 'x');
SELECT writefile('$TMP/a.safetensors', x'504b030400000000000000'), encoder_load('$TMP/a.safetensors', 'x');
SELECT writefile('$TMP/a.safetensors', x'80027d71002e0000000000'), encoder_load('$TMP/a.safetensors', 'x');
SELECT writefile('$TMP/a.safetensors', x'1f8b080000000000000300'), encoder_load('$TMP/a.safetensors', 'x');

-- GGUF, piece by piece: "GGUF", version, how many tensors and keys.
SELECT encoder_load(CAST('GGUG' || x'03000000' || x'00000000000000000000000000000000' AS BLOB), 'x');
-- An older version, one to come, one that begins at the other end.
SELECT encoder_load(CAST('GGUF' || x'00000000' || x'00000000000000000000000000000000' AS BLOB), 'x');
SELECT encoder_load(CAST('GGUF' || x'01000000' || x'00000000000000000000000000000000' AS BLOB), 'x');
SELECT encoder_load(CAST('GGUF' || x'04000000' || x'00000000000000000000000000000000' AS BLOB), 'x');
SELECT encoder_load(CAST('GGUF' || x'00000003' || x'00000000000000000000000000000000' AS BLOB), 'x');
-- -1 tensors, -1 keys.
SELECT encoder_load(CAST('GGUF' || x'03000000' || x'ffffffffffffffff0000000000000000' AS BLOB), 'x');
SELECT encoder_load(CAST('GGUF' || x'03000000' || x'0000000000000000ffffffffffffffff' AS BLOB), 'x');
-- Keys: a name, a type, a value. In `one` there is one key and no tensor.
CREATE TABLE one AS SELECT 'GGUF' || x'03000000' || x'00000000000000000100000000000000' AS head, x'0100000000000000' || 'a' AS a;
-- A text longer than the file, as a name and as a value.
SELECT encoder_load(CAST(head || x'ffffffffffffff7f' || 'a' AS BLOB), 'x') FROM one;
SELECT encoder_load(CAST(head || a || x'08000000' || x'ffffffffffffffff' || 'b' AS BLOB), 'x') FROM one;
-- A list whose length times 8 is more than there are numbers for.
SELECT encoder_load(CAST(head || a || x'090000000c000000' || x'0000000000000020' || x'0000000000000000' AS BLOB), 'x') FROM one;
-- Lists within lists.
SELECT encoder_load(CAST(head || a || x'09000000' || replace(printf('%.*c', 5, 'x'), 'x', x'09000000' || x'0100000000000000') AS BLOB), 'x') FROM one;
-- A type of value that is not.
SELECT encoder_load(CAST(head || a || x'0d000000' || x'0000000000000000' AS BLOB), 'x') FROM one;
-- A name without a letter.
SELECT encoder_load(CAST(head || x'0000000000000000' || x'00000000' || x'01' AS BLOB), 'x') FROM one;
-- A key that is there twice.
SELECT encoder_load(CAST('GGUF' || x'03000000' || x'00000000000000000200000000000000' || a || x'0000000001' || a || x'0000000002' AS BLOB), 'x') FROM one;
-- Alignments that are none: 0, 3, 2^31, a text.
UPDATE one SET a = x'1100000000000000' || 'general.alignment';
SELECT encoder_load(CAST(head || a || x'04000000' || x'00000000' AS BLOB), 'x') FROM one;
SELECT encoder_load(CAST(head || a || x'04000000' || x'03000000' AS BLOB), 'x') FROM one;
SELECT encoder_load(CAST(head || a || x'04000000' || x'00000080' AS BLOB), 'x') FROM one;
SELECT encoder_load(CAST(head || a || x'08000000' || x'0200000000000000' || '32' AS BLOB), 'x') FROM one;
-- One tensor: its name, rank, dimensions, type, place; behind it zeros.
UPDATE one SET head = 'GGUF' || x'03000000' || x'01000000000000000000000000000000', a = x'0100000000000000' || 't';
CREATE VIEW data AS SELECT zeroblob(64) AS zeros;
-- No dimension, which is a number alone and as good as any; one too many.
SELECT encoder_load(CAST(head || a || x'00000000' || x'00000000' || x'0000000000000000' || zeros AS BLOB), 'x') FROM one, data;
SELECT encoder_load(CAST(head || a || x'05000000' || zeros AS BLOB), 'x') FROM one, data;
-- A dimension of 0, which is as good; of -1, of 2^42 + 1; two whose product overflows.
SELECT encoder_load(CAST(head || a || x'01000000' || x'0000000000000000' || x'00000000' || x'0000000000000000' || zeros AS BLOB), 'x') FROM one, data;
SELECT encoder_load(CAST(head || a || x'01000000' || x'ffffffffffffffff' || x'00000000' || x'0000000000000000' || zeros AS BLOB), 'x') FROM one, data;
SELECT encoder_load(CAST(head || a || x'01000000' || x'0100000000040000' || x'00000000' || x'0000000000000000' || zeros AS BLOB), 'x') FROM one, data;
SELECT encoder_load(CAST(head || a || x'02000000' || x'0000000001000000' || x'0000000001000000' || x'00000000' || x'0000000000000000' || zeros AS BLOB), 'x') FROM one, data;
-- A type that nobody knows, one that we do not read.
SELECT encoder_load(CAST(head || a || x'01000000' || x'0400000000000000' || x'e7030000' || x'0000000000000000' || zeros AS BLOB), 'x') FROM one, data;
SELECT encoder_load(CAST(head || a || x'01000000' || x'0001000000000000' || x'0a000000' || x'0000000000000000' || zeros AS BLOB), 'x') FROM one, data;
-- A place between two steps of the alignment, behind the file, before its beginning.
SELECT encoder_load(CAST(head || a || x'01000000' || x'0400000000000000' || x'00000000' || x'1000000000000000' || zeros AS BLOB), 'x') FROM one, data;
SELECT encoder_load(CAST(head || a || x'01000000' || x'0400000000000000' || x'00000000' || x'4000000000000000' || zeros AS BLOB), 'x') FROM one, data;
SELECT encoder_load(CAST(head || a || x'01000000' || x'0400000000000000' || x'00000000' || x'e0ffffffffffffff' || zeros AS BLOB), 'x') FROM one, data;
-- A tensor that is there twice.
SELECT encoder_load(CAST('GGUF' || x'03000000' || x'02000000000000000000000000000000' || t || t || zeros || zeros AS BLOB), 'x')
  FROM (SELECT a || x'01000000' || x'0400000000000000' || x'00000000' || x'0000000000000000' AS t FROM one), data;

-- Whole models in GGUF, spoiled. More layers than we take, and more than there are.
CREATE TABLE gguf AS SELECT readfile('tests/data/gguf/tiny-f16.gguf') AS tiny, readfile('tests/data/gguf/xlmr.gguf') AS xlmr;
SELECT encoder_load(CAST(replace(tiny, 'bert.block_count' || x'0400000002000000', 'bert.block_count' || x'0400000001020000') AS BLOB), 'x') FROM gguf;
SELECT encoder_load(CAST(replace(tiny, 'bert.block_count' || x'0400000002000000', 'bert.block_count' || x'0400000003000000') AS BLOB), 'x') FROM gguf;
-- Scores that are bytes and not numbers: as many bytes as the twelve numbers have.
SELECT encoder_load(CAST(replace(xlmr, 'tokenizer.ggml.scores' || x'09000000060000000c00000000000000', 'tokenizer.ggml.scores' || x'09000000000000003000000000000000') AS BLOB), 'x') FROM gguf;
-- Pieces that look like bytes and are none are pieces like others.
SELECT encoder_load(CAST(replace(tiny, '[MASK]', '<0x-1>') AS BLOB), 'bytes') FROM gguf;
SELECT group_concat(token, ' ') FROM tokens('<0x-1> <0xZZ> any', 'bytes');
SELECT encoder_unload('bytes'), encoder_load(CAST(replace(tiny, '[MASK]', '<0xZZ>') AS BLOB), 'bytes') FROM gguf;
SELECT group_concat(token, ' ') FROM tokens('<0x-1> <0xZZ> any', 'bytes');
-- Cut anywhere: in the keys, in the tensors' names, in the data.
SELECT encoder_load(substr(tiny, 1, 64), 'x') FROM gguf;
SELECT encoder_load(substr(tiny, 1, 1000), 'x') FROM gguf;
SELECT encoder_load(substr(tiny, 1, 4096), 'x') FROM gguf;
SELECT encoder_load(substr(tiny, 1, 54400), 'x') FROM gguf;
SELECT name FROM encoder_models;
