/* enc.h - the public face of the engine: everything the extension may use.
 *
 *     text -> tokens -> hidden states -> vector        (and back: text and labels ->
 * weights)
 *
 * Six rooms, each knowing only those before it (search/ only base/):
 *   base/    the ground: errors, memory, bytes, JSON, Unicode, hashes, threads
 *   text/    text -> tokens
 *   model/   a directory, file or blob -> a model
 *   encode/  tokens -> hidden states -> vector or scores
 *   search/  vectors -> the nearest ids
 *   learn/   text and labels -> weights */
#ifndef ENC_H
#define ENC_H

#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/threads.h"
#include "base/utf8.h"
#include "base/wr.h"
#include "text/tok.h"
#include "text/chunk.h"
#include "model/model.h"
#include "encode/answer.h"
#include "encode/batch.h"
#include "encode/entity.h"
#include "encode/head.h"
#include "encode/mlm.h"
#include "encode/nli.h"
#include "encode/pool.h"
#include "search/cache.h"
#include "search/ivf.h"
#include "search/scan.h"
#include "learn/classifier.h"
#include "learn/save.h"
#include "learn/train.h"

/* The weights compiled into the library (engine/model/builtin.S): a blob as in files.h.
 */
enc_bytes enc_builtin(void);

#endif
