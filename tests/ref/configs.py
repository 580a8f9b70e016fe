"""What the checkpoints of architectures.py say of themselves: config.json and its kin, with
the keys that real models of each family have."""

PAIR = [11, 1, 33, 14]
ONE = [12, 1, 31]


def specials(pad, unk, cls, sep, mask):
    return dict(pad=pad, unk=unk, cls=cls, sep=sep, mask=mask)


BERT_IDS = specials(0, 1, 2, 3, 4)
ROBERTA_IDS = specials(1, 3, 0, 2, 4)


def labels(n):
    return {"id2label": {str(i): "LABEL_%d" % i for i in range(n)},
            "label2id": {"LABEL_%d" % i: i for i in range(n)}}


def checkpoint(name, graph, config, heads=(), **more):
    c = dict(name=name, graph=graph, config=config, heads=heads, dtype="F32", lengths=ONE,
             is_pair=False, special=BERT_IDS, adds_special=True, copies={}, buffers={}, renamed=(),
             subfolder="", has_tokenizer_json=False, max_length=512)
    c.update(files={"config.json": config}, vocab=config.get("vocab_size"),
             has_prefix="For" in config.get("architectures", [""])[0])
    c.update(more)
    return c


def bert_like(model_type, architecture, D, H, inner, L, **more):
    config = {"architectures": [architecture], "attention_probs_dropout_prob": 0.1,
              "classifier_dropout": None, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
              "hidden_size": D, "initializer_range": 0.02, "intermediate_size": inner,
              "layer_norm_eps": 1e-12, "max_position_embeddings": 40,
              "model_type": model_type, "num_attention_heads": H, "num_hidden_layers": L,
              "pad_token_id": 0, "position_embedding_type": "absolute",
              "torch_dtype": "float32", "transformers_version": "4.41.0",
              "type_vocab_size": 2, "use_cache": True, "vocab_size": 51}
    config.update(more)
    return config


# --------------------------------------------------------------------------------- bert


def bert(name, architecture, D, H, inner, heads, config=None, **more):
    return checkpoint(name, "Bert",
                      bert_like("bert", architecture, D, H, inner, 2, **(config or {})),
                      heads, lengths=PAIR, is_pair=True, **more)


BERT = [
    bert("bert_body", "BertModel", 24, 3, 56, ["pooled"], dtype="F16",
         buffers={"embeddings.position_ids": 40}),
    bert("bert_gamma", "BertForPreTraining", 28, 2, 44, ["pooled", "next", "mlm"],
         renamed=[("LayerNorm.weight", "LayerNorm.gamma"),
                  ("LayerNorm.bias", "LayerNorm.beta")],
         buffers={"bert.embeddings.position_ids": 40}),
    bert("bert_masked", "BertForMaskedLM", 36, 4, 40, ["mlm"],
         {"hidden_act": "gelu_new", "tie_word_embeddings": False},
         copies={"cls.predictions.decoder.bias": "cls.predictions.bias"}),
    bert("bert_tokens", "BertForTokenClassification", 30, 3, 48, ["token_logits"],
         labels(5), dtype="F16"),
    bert("bert_answer", "BertForQuestionAnswering", 24, 2, 50, ["answer"], dtype="BF16"),
    bert("bert_multi_label", "BertForSequenceClassification", 24, 4, 41,
         ["pooled", "logits"],
         dict(labels(4), problem_type="multi_label_classification")),
    bert("bert_regression", "BertForSequenceClassification", 24, 2, 40,
         ["pooled", "logits"],
         dict(labels(1), problem_type="regression", hidden_act="relu"), dtype="BF16"),
]

# ------------------------------------------------------------------- roberta, xlm-roberta


def roberta(name, architecture, D, H, inner, heads, config=None, **more):
    model_type = "xlm-roberta" if architecture.startswith("XLM") else "roberta"
    values = dict(bos_token_id=0, eos_token_id=2, pad_token_id=1, type_vocab_size=1,
                  layer_norm_eps=1e-5, max_position_embeddings=42, **(config or {}))
    return checkpoint(name, "Roberta",
                      bert_like(model_type, architecture, D, H, inner, 2, **values), heads,
                      special=ROBERTA_IDS, **more)


ROBERTA = [
    roberta("roberta_body", "RobertaModel", 24, 2, 52, ["pooled"],
            buffers={"embeddings.position_ids": 42}),
    roberta("roberta_masked", "RobertaForMaskedLM", 24, 3, 40, ["mlm"],
            {"hidden_act": "gelu_new"},
            copies={"lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
                    "lm_head.decoder.bias": "lm_head.bias"}),
    roberta("roberta_tokens", "RobertaForTokenClassification", 24, 2, 40, ["token_logits"],
            labels(3), dtype="F16"),
    roberta("xlm_roberta_classes", "XLMRobertaForSequenceClassification", 28, 2, 44,
            ["logits"], labels(3)),
    roberta("xlm_roberta_body", "XLMRobertaModel", 24, 3, 40, ["pooled"], dtype="F16"),
    roberta("xlm_roberta_answer", "XLMRobertaForQuestionAnswering", 24, 4, 40, ["answer"],
            dtype="BF16"),
]

# ----------------------------------------------------------------------------- distilbert


def distilbert(name, architecture, D, H, inner, heads, config=None, **more):
    values = {"activation": "gelu", "architectures": [architecture],
              "attention_dropout": 0.1, "dim": D, "dropout": 0.1, "hidden_dim": inner,
              "initializer_range": 0.02, "max_position_embeddings": 40,
              "model_type": "distilbert", "n_heads": H, "n_layers": 2, "pad_token_id": 0,
              "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": False,
              "tie_weights_": True, "torch_dtype": "float32",
              "transformers_version": "4.41.0", "vocab_size": 51}
    values.update(config or {})
    return checkpoint(name, "Distilbert", values, heads, **more)


DISTILBERT = [
    distilbert("distilbert_body", "DistilBertModel", 24, 2, 56, []),
    distilbert("distilbert_classes", "DistilBertForSequenceClassification", 30, 3, 44,
               ["logits"], labels(2)),
    distilbert("distilbert_masked", "DistilBertForMaskedLM", 24, 4, 40, ["mlm"],
               {"sinusoidal_pos_embds": True}, dtype="F16"),
    distilbert("distilbert_answer", "DistilBertForQuestionAnswering", 24, 3, 40,
               ["answer"], dtype="F16"),
    distilbert("distilbert_tokens", "DistilBertForTokenClassification", 24, 2, 40,
               ["token_logits"], labels(4), dtype="BF16"),
]

# -------------------------------------------------------------------------------- electra


def electra(name, architecture, E, D, H, inner, heads, config=None, **more):
    values = dict(embedding_size=E, summary_activation="gelu",
                  summary_last_dropout=0.1, summary_type="first", summary_use_proj=True,
                  **(config or {}))
    return checkpoint(name, "Electra",
                      bert_like("electra", architecture, D, H, inner, 2, **values), heads,
                      lengths=PAIR, is_pair=True, **more)


ELECTRA = [
    electra("electra_body", "ElectraModel", 16, 24, 2, 50, []),
    electra("electra_tokens", "ElectraForTokenClassification", 20, 30, 3, 40,
            ["token_logits"], labels(3), dtype="F16"),
    electra("electra_classes", "ElectraForSequenceClassification", 24, 24, 4, 40,
            ["logits"], labels(2)),
    electra("electra_masked", "ElectraForMaskedLM", 28, 24, 2, 40, ["mlm"],
            {"hidden_act": "gelu_new"},
            copies={"generator_lm_head.weight": "electra.embeddings.word_embeddings.weight"},
            dtype="F16"),
    electra("electra_answer", "ElectraForQuestionAnswering", 16, 24, 3, 40, ["answer"],
            dtype="BF16"),
]

# ---------------------------------------------------------------------------------- mpnet


def mpnet(name, architecture, D, H, inner, heads, config=None, **more):
    values = dict(bos_token_id=0, eos_token_id=2, pad_token_id=1, layer_norm_eps=1e-5,
                  max_position_embeddings=162, relative_attention_num_buckets=32,
                  **(config or {}))
    values = bert_like("mpnet", architecture, D, H, inner, 2, **values)
    for absent in ("type_vocab_size", "position_embedding_type", "use_cache",
                   "classifier_dropout"):
        del values[absent]
    return checkpoint(name, "Mpnet", values, heads, special=ROBERTA_IDS,
                      **dict(dict(lengths=[27, 1, 6]), **more))


MPNET = [
    mpnet("mpnet_body", "MPNetModel", 24, 3, 48, ["pooled"], lengths=[27, 1, 160, 8],
          dtype="F16"),
    mpnet("mpnet_masked", "MPNetForMaskedLM", 24, 2, 40, ["mlm"], dtype="F16",
          buffers={"mpnet.embeddings.position_ids": 162}),
    mpnet("mpnet_classes", "MPNetForSequenceClassification", 24, 2, 40, ["logits"],
          labels(3), dtype="BF16"),
]

# --------------------------------------------------------------------------------- albert


def albert(name, architecture, E, D, H, inner, heads, config=None, **more):
    values = dict(bos_token_id=2, classifier_dropout_prob=0.1, down_scale_factor=1,
                  embedding_size=E, eos_token_id=3, gap_size=0, hidden_act="gelu_new",
                  inner_group_num=1, net_structure_type=0, num_hidden_groups=1,
                  num_memory_blocks=0)
    values.update(config or {})
    values = bert_like("albert", architecture, D, H, inner, 3, **values)
    return checkpoint(name, "Albert", values, heads, lengths=PAIR, is_pair=True, **more)


ALBERT = [
    albert("albert_body", "AlbertModel", 16, 36, 4, 72, ["pooled"]),
    albert("albert_masked", "AlbertForMaskedLM", 16, 30, 3, 60, ["mlm"],
           copies={"predictions.decoder.bias": "predictions.bias"}),
    albert("albert_classes", "AlbertForSequenceClassification", 20, 28, 2, 50,
           ["pooled", "logits"], dict(labels(2), hidden_act="gelu"), dtype="F16"),
]

# ---------------------------------------------------------------------------------- nomic


def nomic(name, D, H, inner, config=None, **more):
    values = {"activation_function": "swiglu", "architectures": ["NomicBertModel"],
              "attn_pdrop": 0.0, "auto_map": {
                  "AutoConfig": "nomic-ai/nomic-bert-2048--"
                                "configuration_hf_nomic_bert.NomicBertConfig",
                  "AutoModel": "nomic-ai/nomic-bert-2048--"
                               "modeling_hf_nomic_bert.NomicBertModel"},
              "bos_token_id": None, "causal": False, "dense_seq_output": True,
              "embd_pdrop": 0.0, "eos_token_id": None, "fused_bias_fc": True,
              "fused_dropout_add_ln": True, "initializer_range": 0.02,
              "layer_norm_epsilon": 1e-12, "max_trained_positions": 2048,
              "mlp_fc1_bias": False, "mlp_fc2_bias": False, "model_type": "nomic_bert",
              "n_embd": D, "n_head": H, "n_inner": inner, "n_layer": 2,
              "n_positions": 64, "pad_vocab_size_multiple": 64, "parallel_block": False,
              "parallel_block_tied_norm": False, "prenorm": False, "qkv_proj_bias": False,
              "reorder_and_upcast_attn": False, "resid_pdrop": 0.0,
              "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0,
              "rotary_emb_interleaved": False, "rotary_emb_scale_base": None,
              "rotary_scaling_factor": None, "scale_attn_by_inverse_layer_idx": False,
              "scale_attn_weights": True, "summary_activation": None,
              "summary_first_dropout": 0.0, "summary_proj_to_labels": True,
              "summary_type": "cls_index", "summary_use_proj": True,
              "torch_dtype": "float32", "transformers_version": "4.37.2",
              "type_vocab_size": 2, "use_cache": True, "use_flash_attn": True,
              "use_rms_norm": False, "use_xentropy": True, "vocab_size": 64}
    values.update(config or {})
    return checkpoint(name, "Nomic", values, lengths=PAIR, is_pair=True, **more)


NOMIC = [
    nomic("nomic_body", 24, 2, 44),
    nomic("nomic_biases", 30, 3, 40,
          {"qkv_proj_bias": True, "mlp_fc1_bias": True, "mlp_fc2_bias": True,
           "rotary_emb_base": 10000}, dtype="F16"),
]

# ------------------------------------------------------------------------------- new, gte


def new(name, architecture, D, H, inner, heads, config=None, **more):
    values = dict(layer_norm_type="layer_norm", logn_attention_clip1=False,
                  logn_attention_scale=False, pack_qkv=True,
                  position_embedding_type="rope", rope_scaling=None, rope_theta=160000,
                  max_position_embeddings=64, unpad_inputs=False,
                  use_memory_efficient_attention=False, auto_map={
                      "AutoConfig": "Alibaba-NLP/new-impl--configuration.NewConfig",
                      "AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel"})
    values.update(config or {})
    values = bert_like(values.pop("model_type", "new"), architecture, D, H, inner, 2,
                       **values)
    more = dict(dict(is_pair=values["type_vocab_size"] > 1), **more)
    return checkpoint(name, "New", values, heads,
                      lengths=PAIR if more["is_pair"] else ONE, **more)


NEW = [
    new("new_body", "NewModel", 24, 3, 44, [],
        {"type_vocab_size": 0, "rope_theta": 500000,
         "rope_scaling": {"factor": 2.0, "type": "ntk"}}),
    new("new_classes", "NewForSequenceClassification", 24, 2, 40, ["pooled", "logits"],
        dict(labels(1), type_vocab_size=1, rope_theta=20000, pad_token_id=1,
             rope_scaling={"factor": 8.0, "type": "ntk"}),
        special=ROBERTA_IDS, dtype="F16"),
    new("new_tokens", "NewForTokenClassification", 30, 3, 40, ["token_logits"],
        dict(labels(1), type_vocab_size=1, rope_theta=20000, pad_token_id=1,
             rope_scaling={"factor": 8.0, "type": "ntk"}),
        special=ROBERTA_IDS, dtype="F16"),
    new("new_masked", "NewForMaskedLM", 24, 2, 40, ["mlm"],
        copies={"lm_head.decoder.weight": "new.embeddings.word_embeddings.weight"},
        dtype="BF16"),
    new("gte_body", "GteModel", 28, 2, 42, [],
        {"model_type": "gte", "type_vocab_size": 1, "pad_token_id": 1},
        special=ROBERTA_IDS),
]

# ----------------------------------------------------------------------------------- jina


def jina(name, graph, architecture, D, H, inner, heads, config=None, **more):
    code = ("jinaai/jina-bert-v2-qk-post-norm" if graph == "JinaCode" else
            "jinaai/jina-bert-implementation")
    values = dict(attn_implementation="torch", emb_pooler="mean", feed_forward_type="geglu",
                  max_position_embeddings=8192, model_max_length=8192,
                  position_embedding_type="alibi", auto_map={
                      "AutoConfig": code + "--configuration_bert.JinaBertConfig",
                      "AutoModel": code + "--modeling_bert.JinaBertModel"})
    values.update(config or {})
    return checkpoint(name, graph,
                      bert_like("bert", architecture, D, H, inner, 2, **values), heads,
                      lengths=PAIR, is_pair=True, **more)


JINA = [
    jina("jina_body", "Jina", "JinaBertModel", 24, 2, 44, ["pooled"]),
    jina("jina_three_heads", "Jina", "JinaBertForMaskedLM", 30, 3, 40, ["mlm"],
         dtype="F16"),
    jina("jina_code", "JinaCode", "JinaBertModel", 36, 4, 40, ["pooled"], dtype="F16"),
]

# ----------------------------------------------------------------------------- modernbert


def modernbert(name, architecture, D, H, inner, heads, config=None, **more):
    values = {"architectures": [architecture], "attention_bias": False,
              "attention_dropout": 0.0, "bos_token_id": 46, "classifier_activation": "gelu",
              "classifier_bias": False, "classifier_dropout": 0.0,
              "classifier_pooling": "mean", "cls_token_id": 46, "decoder_bias": True,
              "deterministic_flash_attn": False, "embedding_dropout": 0.0,
              "eos_token_id": 47, "global_attn_every_n_layers": 3,
              "global_rope_theta": 160000.0, "gradient_checkpointing": False,
              "hidden_activation": "gelu", "hidden_size": D,
              "initializer_cutoff_factor": 2.0, "initializer_range": 0.02,
              "intermediate_size": inner, "layer_norm_eps": 1e-5, "local_attention": 8,
              "local_rope_theta": 10000.0, "max_position_embeddings": 64, "mlp_bias": False,
              "mlp_dropout": 0.0, "model_type": "modernbert", "norm_bias": False,
              "norm_eps": 1e-5, "num_attention_heads": H, "num_hidden_layers": 4,
              "pad_token_id": 48, "position_embedding_type": "absolute",
              "sep_token_id": 47, "tie_word_embeddings": True, "torch_dtype": "float32",
              "transformers_version": "4.47.0.dev0", "vocab_size": 56}
    values.update(config or {})
    return checkpoint(name, "Modernbert", values, heads, lengths=[27, 1, 40, 5],
                      special=specials(48, 45, 46, 47, 49), **more)


def rope_parameters(layer_types):
    return {"layer_types": layer_types, "rope_parameters": {
        "full_attention": {"rope_theta": 160000.0, "rope_type": "default"},
        "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}}


def without(c, *keys):
    """Keys that newer files no longer have."""
    for key in keys:
        del c["config"][key]
    return c


FULL, SLIDING = "full_attention", "sliding_attention"
MODERNBERT = [
    modernbert("modernbert_masked", "ModernBertForMaskedLM", 24, 2, 36, ["mlm"],
               dtype="F16"),
    without(modernbert("modernbert_body", "ModernBertModel", 24, 3, 40, [],
                       rope_parameters([FULL, SLIDING, SLIDING, FULL]), dtype="F16"),
            "global_rope_theta", "local_rope_theta", "position_embedding_type",
            "layer_norm_eps"),
    modernbert("modernbert_mean", "ModernBertForSequenceClassification", 24, 2, 40,
               ["logits"], dict(labels(3), local_attention=7, num_hidden_layers=2),
               dtype="F16"),
    modernbert("modernbert_cls", "ModernBertForSequenceClassification", 28, 2, 40,
               ["logits"], dict(labels(2), classifier_pooling="cls", classifier_bias=True,
                                num_hidden_layers=2)),
    modernbert("modernbert_tokens", "ModernBertForTokenClassification", 24, 4, 40,
               ["token_logits"], dict(labels(3), num_hidden_layers=2), dtype="BF16"),
    modernbert("modernbert_answer", "ModernBertForQuestionAnswering", 24, 2, 40, ["answer"],
               {"num_hidden_layers": 2}, dtype="BF16"),
]

# ------------------------------------------------------------------- static embeddings


def model2vec(name, n_rows, has_weights, has_mapping, normalize, **more):
    config = {"model_type": "model2vec", "architectures": ["StaticModel"],
              "tokenizer_name": "baai/bge-base-en-v1.5", "apply_pca": 24,
              "apply_zipf": True, "hidden_dim": 24, "seq_length": 1000000,
              "normalize": normalize, "embedding_dtype": "float32"}
    if has_mapping:
        config["vocabulary_quantization"] = n_rows
    modules = [{"idx": 0, "name": "0", "path": ".",
                "type": "sentence_transformers.models.StaticEmbedding"}]
    if normalize:
        modules.append({"idx": 1, "name": "1", "path": "1_Normalize",
                        "type": "sentence_transformers.models.Normalize"})
    c = checkpoint(name, "Static",
                   dict(config, n_rows=n_rows, n_tokens=51, has_weights=has_weights,
                        has_mapping=has_mapping, is_sentence_transformers=False),
                   ["vector"], vocab=51, has_tokenizer_json=True, lengths=[9, 1, 30],
                   adds_special=False, **more)
    c["files"] = {"config.json": config, "modules.json": modules}
    return c


STATIC = [
    model2vec("model2vec_plain", 51, False, False, True),
    model2vec("model2vec_weights", 51, True, False, False),
    model2vec("model2vec_quantized", 17, True, True, True, dtype="F16"),
    checkpoint("static_embedding", "Static",
               dict(hidden_dim=24, n_rows=51, is_sentence_transformers=True,
                    normalize=False),
               ["vector"], vocab=51, has_tokenizer_json=True, lengths=[9, 1, 30],
               adds_special=False, subfolder="0_StaticEmbedding",
               files={"modules.json": [{
                   "idx": 0, "name": "0", "path": "0_StaticEmbedding",
                   "type": "sentence_transformers.models.StaticEmbedding"}],
                      "config_sentence_transformers.json": {
                          "__version__": {"sentence_transformers": "3.3.0"}, "prompts": {},
                          "default_prompt_name": None, "similarity_fn_name": "cosine"}}),
]

CHECKPOINTS = (BERT + ROBERTA + DISTILBERT + ELECTRA + MPNET + ALBERT + NOMIC + NEW + JINA +
               MODERNBERT + STATIC)

# ------------------------------------------------------------- published parameter counts


def real(c, vocab, n, **config):
    """A checkpoint at its model's true size."""
    c["config"].update(config, vocab_size=vocab)
    return dict(c, vocab=vocab, lengths=[2], published=n)


PUBLISHED = [
    real(bert("all-MiniLM-L6-v2", "BertModel", 384, 12, 1536, ["pooled"]), 30522, 22713216,
         num_hidden_layers=6, max_position_embeddings=512),
    real(bert("bert-base-uncased", "BertForPreTraining", 768, 12, 3072,
              ["pooled", "next", "mlm"]), 30522, 110106428, num_hidden_layers=12,
         max_position_embeddings=512),
    real(bert("bert-base-uncased", "BertForMaskedLM", 768, 12, 3072, ["mlm"]), 30522,
         109514298, num_hidden_layers=12, max_position_embeddings=512),
    real(distilbert("distilbert-base-uncased", "DistilBertModel", 768, 12, 3072, []), 30522,
         66362880, n_layers=6, max_position_embeddings=512),
    real(distilbert("distilbert sst-2", "DistilBertForSequenceClassification", 768, 12,
                    3072, ["logits"], labels(2)), 30522, 66955010, n_layers=6,
         max_position_embeddings=512),
    real(roberta("multilingual-e5-large", "XLMRobertaModel", 1024, 16, 4096, ["pooled"]),
         250002, 559890432, num_hidden_layers=24, max_position_embeddings=514),
    real(roberta("klue-roberta-base", "RobertaModel", 768, 12, 3072, ["pooled"]), 32000,
         110618112, num_hidden_layers=12, max_position_embeddings=514),
    real(mpnet("all-mpnet-base-v2", "MPNetModel", 768, 12, 3072, ["pooled"]), 30527,
         109486464, num_hidden_layers=12, max_position_embeddings=514),
    real(nomic("nomic-embed-text-v1.5", 768, 12, 3072), 30528, 136731648, n_layer=12),
    real(modernbert("ModernBERT-base", "ModernBertModel", 768, 12, 1152, []), 50368,
         149014272, num_hidden_layers=22),
    real(jina("jina-embeddings-v2-base-en", "Jina", "JinaBertModel", 768, 12, 3072,
              ["pooled"]), 30528, 137368320, num_hidden_layers=12),
    real(jina("jina-embeddings-v2-small-en", "Jina", "JinaBertModel", 512, 8, 2048,
              ["pooled"]), 30528, 32690688, num_hidden_layers=4),
    real(albert("albert-base-v2", "AlbertModel", 128, 768, 12, 3072, ["pooled"]), 30000,
         11683584, num_hidden_layers=12, max_position_embeddings=512),
    real(new("gte-multilingual-base", "NewForTokenClassification", 768, 12, 3072,
             ["token_logits"], dict(labels(1), type_vocab_size=1)), 250048, 305369089,
         num_hidden_layers=12),
    real(new("gte-multilingual-reranker-base", "NewForSequenceClassification", 768, 12,
             3072, ["logits"], dict(labels(1), type_vocab_size=1)), 250048, 305959681,
         num_hidden_layers=12),
    real(new("snowflake-arctic-embed-m-v2.0", "GteModel", 768, 12, 3072, [],
             {"type_vocab_size": 1}), 250048, 305368320, num_hidden_layers=12),
]
