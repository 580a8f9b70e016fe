/* limits.h - every limit of the engine, by name. An error that enforces one quotes it. */
#ifndef ENC_LIMITS_H
#define ENC_LIMITS_H

#define ENC_TEXT_MAX      ((size_t)1 << 30)  /* bytes in one text */
#define ENC_VOCAB_MAX     ((size_t)1 << 20)  /* pieces in a vocabulary */
#define ENC_PIECE_MAX     512                /* bytes in one piece */
#define ENC_MERGES_MAX    ((size_t)1 << 20)  /* merges of a BPE vocabulary */
#define ENC_SPM_MAX       ((size_t)64 << 20) /* bytes of a SentencePiece model */
#define ENC_CHARSMAP_MAX  ((size_t)8 << 20)  /* bytes of a precompiled character map */
#define ENC_MAPPED_MAX    255                /* bytes that it may make of a character */
#define ENC_STEPS_MAX     128                /* steps of a normalizer */
#define ENC_STRETCH_MAX   ((size_t)1 << 24)  /* bytes of text normalized at once */
#define ENC_WORD_MAX      100                /* characters in a word before it is [UNK] */
#define ENC_WEIGHTS_MAX   ((size_t)64 << 30) /* bytes of a model's weights as stored */
#define ENC_LAYERS_MAX    64
#define ENC_HIDDEN_MAX    8192
#define ENC_INNER_MAX     65536
#define ENC_POSITIONS_MAX 32768
#define ENC_SEGMENTS_MAX  16
#define ENC_LABELS_MAX    65536
#define ENC_FOLDS_MAX     100               /* parts of a cross-validation */
#define ENC_JSON_MAX      ((size_t)1 << 20) /* bytes of a config file */
#define ENC_JSON_DEPTH    64
#define ENC_TOKJSON_MAX   ((size_t)64 << 20) /* bytes of a tokenizer.json */
#define ENC_HEADER_MAX    ((size_t)16 << 20) /* bytes of a safetensors header */
#define ENC_TENSORS_MAX   65536
#define ENC_KEYS_MAX      65536 /* keys of a GGUF file */
#define ENC_RANK_MAX      4
#define ENC_NAME_MAX      128   /* bytes of a tensor name we look for */
#define ENC_DIMS_MAX      65536 /* values in a vector */

#endif
