"""The graphs of the encoders we open, in plain tensor operations, one text at a time.

Written from the papers and from what the models' own code does, so that it shares no idea
of padding, packing or fusing with the engine. A graph asks a store for its tensors by name
and shape, and a store draws a tensor when it is asked for it first: names and shapes stand
once, beside their use.

    store(name, rows, cols)    a tensor of the checkpoint

A text is n ids and n segments. encode() returns the L + 1 hidden states, n x D each, as
Hugging Face's hidden_states of that model with the last one after any final norm; and the
L attention weights, H x n x n.
"""
import math

import torch


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def silu(x):
    return x * torch.sigmoid(x)


def relu(x):
    return x.clamp(min=0)


ACTIVATIONS = {"gelu": gelu, "gelu_new": gelu_tanh, "gelu_pytorch_tanh": gelu_tanh,
               "relu": relu, "silu": silu}


class Graph:
    """What most have in common. Names of the body are prefixed in models with a head."""
    base = ""

    def __init__(self, config, store, has_prefix):
        self.c, self.store = config, store
        self.p = self.base if has_prefix else ""
        self.n_labels = len(config.get("id2label", ()))
        self.read()

    def read(self):
        c = self.c
        self.D, self.H, self.L = (c["hidden_size"], c["num_attention_heads"],
                                  c["num_hidden_layers"])
        self.inner, self.V = c["intermediate_size"], c["vocab_size"]
        self.eps, self.act = c["layer_norm_eps"], ACTIVATIONS[c["hidden_act"]]

    # -- parts

    def linear(self, name, x, n_out, has_bias=True):
        y = x @ self.store(name + ".weight", n_out, x.shape[-1]).T
        return y + self.store(name + ".bias", n_out) if has_bias else y

    def norm(self, name, x, has_bias=True):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean)**2).mean(-1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + self.eps)
        x = x * self.store(name + ".weight", x.shape[-1])
        return x + self.store(name + ".bias", x.shape[-1]) if has_bias else x

    def table(self, name, rows, width, at):
        return self.store(name, rows, width)[at]

    def mix(self, q, k, v, bias=0, rotate=lambda x: x):
        """q, k, v: n x D. Returns n x D and H x n x n; bias is added to scaled scores."""
        n, d = q.shape[0], self.D // self.H
        q, k, v = (x.view(n, self.H, d).transpose(0, 1) for x in (q, k, v))
        scores = rotate(q) @ rotate(k).transpose(1, 2) / math.sqrt(d) + bias
        look = torch.softmax(scores, -1)
        return (look @ v).transpose(0, 1).reshape(n, self.D), look

    def rotation(self, theta, factor=1.0):
        """Su et al. 2021, in halves: dimension m turns with m + d/2 by theta^(-2m/d) a
        position. factor: Alibaba's fixed NTK scaling, for texts of any length."""
        d = self.D // self.H
        m = torch.arange(d // 2, dtype=torch.float64)
        speed = 1 / ((theta * factor)**(2 * m / d) * factor**(2 / d))

        def rotate(x):
            angle = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * speed
            cos, sin = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
            a, b = x[..., :d // 2], x[..., d // 2:]
            return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
        return rotate

    # -- the body

    def prepare(self, n):
        """What all layers share for a text of n tokens."""

    def final(self, x):
        return x

    def encode(self, ids, segments):
        self.prepare(len(ids))
        states, looks = [self.embed(ids, segments)], []
        for i in range(self.L):
            x, look = self.layer(i, states[-1])
            states.append(x)
            looks.append(look)
        states[-1] = self.final(states[-1])
        return states, looks

    # -- heads, of hidden states h, n x D

    def pooled(self, h):
        return torch.tanh(self.linear(self.p + "pooler.dense", h[0], self.D))

    def classify(self, h):
        return self.linear("classifier", self.pooled(h), self.n_labels)

    def tokens(self, h):
        return self.linear("classifier", h, self.n_labels)

    def answer(self, h):
        return self.linear("qa_outputs", h, 2)

    def decode(self, x, weight, bias):
        """Words' logits; `weight` None: tied to the words of the embeddings."""
        table = self.store(weight or self.words, self.V, x.shape[-1])
        return x @ table.T + self.store(bias, self.V)


class Bert(Graph):
    """Devlin et al. 2018."""
    base = "bert."

    def embed(self, ids, segments):
        p, c = self.p + "embeddings.", self.c
        self.words = p + "word_embeddings.weight"
        E = c.get("embedding_size", self.D)
        x = self.table(self.words, self.V, E, ids)
        if c.get("position_embedding_type", "absolute") == "absolute":
            x = x + self.table(p + "position_embeddings.weight",
                               c["max_position_embeddings"], E,
                               torch.arange(len(ids)) + self.offset())
        if c.get("type_vocab_size", 0) > 0:
            x = x + self.table(p + "token_type_embeddings.weight", c["type_vocab_size"], E,
                               segments)
        return self.norm(p + "LayerNorm", x)

    def offset(self):
        return 0

    def attend(self, p, x):
        q, k, v = (self.linear(p + "attention.self." + part, x, self.D)
                   for part in ("query", "key", "value"))
        mixed, look = self.mix(q, k, v)
        x = x + self.linear(p + "attention.output.dense", mixed, self.D)
        return self.norm(p + "attention.output.LayerNorm", x), look

    def layer(self, i, x):
        p = "%sencoder.layer.%d." % (self.p, i)
        x, look = self.attend(p, x)
        f = self.act(self.linear(p + "intermediate.dense", x, self.inner))
        x = x + self.linear(p + "output.dense", f, self.D)
        return self.norm(p + "output.LayerNorm", x), look

    def mlm(self, h):
        x = self.act(self.linear("cls.predictions.transform.dense", h, self.D))
        x = self.norm("cls.predictions.transform.LayerNorm", x)
        own = not self.c.get("tie_word_embeddings", True)
        return self.decode(x, "cls.predictions.decoder.weight" if own else None,
                           "cls.predictions.bias")

    def next(self, h):
        return self.linear("cls.seq_relationship", self.pooled(h), 2)


class Roberta(Bert):
    """Liu et al. 2019: positions start after the padding's; heads without a pooler."""
    base = "roberta."

    def offset(self):
        return self.c["pad_token_id"] + 1

    def classify(self, h):
        x = torch.tanh(self.linear("classifier.dense", h[0], self.D))
        return self.linear("classifier.out_proj", x, self.n_labels)

    def mlm(self, h):
        x = gelu(self.linear("lm_head.dense", h, self.D))  # whatever hidden_act is
        return self.decode(self.norm("lm_head.layer_norm", x), None, "lm_head.bias")


class Mpnet(Roberta):
    """Song et al. 2020: T5's relative bias, one table for all layers."""
    base = "mpnet."

    @staticmethod
    def buckets(n):
        """n x n of 32 buckets, row from, column to: half for each direction; exact under
        8, then two for each doubling, the last from 91 on."""
        to = torch.arange(n)[None, :] - torch.arange(n)[:, None]
        far = to.abs().clamp(min=1).to(torch.float64)
        # A doubling is a whole number of buckets, which rounding must not miss.
        log = (8 + torch.log(far / 8) / math.log(128 / 8) * 8 + 1e-9).to(torch.int64)
        bucket = torch.where(to.abs() < 8, to.abs(), log.clamp(max=15))
        return bucket + 16 * (to > 0)

    def prepare(self, n):
        table = self.store(self.p + "encoder.relative_attention_bias.weight",
                           self.c["relative_attention_num_buckets"], self.H)
        self.bias = table[self.buckets(n)].permute(2, 0, 1)

    def offset(self):
        return 2  # a constant of the model's code

    def attend(self, p, x):
        q, k, v = (self.linear(p + "attention.attn." + part, x, self.D) for part in "qkv")
        mixed, look = self.mix(q, k, v, self.bias)
        x = x + self.linear(p + "attention.attn.o", mixed, self.D)
        return self.norm(p + "attention.LayerNorm", x), look


class Distilbert(Graph):
    """Sanh et al. 2019: no segments, no pooler."""
    base = "distilbert."

    def read(self):
        c = self.c
        self.D, self.H, self.L = c["dim"], c["n_heads"], c["n_layers"]
        self.inner, self.V = c["hidden_dim"], c["vocab_size"]
        self.eps, self.act = 1e-12, ACTIVATIONS[c["activation"]]

    def embed(self, ids, segments):
        p = self.p + "embeddings."
        self.words = p + "word_embeddings.weight"
        x = self.table(self.words, self.V, self.D, ids)
        x = x + self.table(p + "position_embeddings.weight",
                           self.c["max_position_embeddings"], self.D,
                           torch.arange(len(ids)))
        return self.norm(p + "LayerNorm", x)

    def layer(self, i, x):
        p = "%stransformer.layer.%d." % (self.p, i)
        q, k, v = (self.linear(p + "attention.%s_lin" % part, x, self.D) for part in "qkv")
        mixed, look = self.mix(q, k, v)
        x = x + self.linear(p + "attention.out_lin", mixed, self.D)
        x = self.norm(p + "sa_layer_norm", x)
        f = self.act(self.linear(p + "ffn.lin1", x, self.inner))
        x = x + self.linear(p + "ffn.lin2", f, self.D)
        return self.norm(p + "output_layer_norm", x), look

    def classify(self, h):
        x = relu(self.linear("pre_classifier", h[0], self.D))
        return self.linear("classifier", x, self.n_labels)

    def mlm(self, h):
        x = self.act(self.linear("vocab_transform", h, self.D))
        return self.decode(self.norm("vocab_layer_norm", x), None, "vocab_projector.bias")


class Electra(Bert):
    """Clark et al. 2020: embeddings may be narrower than the layers."""
    base = "electra."

    def embed(self, ids, segments):
        x = super().embed(ids, segments)
        if x.shape[-1] == self.D:
            return x
        return self.linear(self.p + "embeddings_project", x, self.D)

    def classify(self, h):
        x = gelu(self.linear("classifier.dense", h[0], self.D))
        return self.linear("classifier.out_proj", x, self.n_labels)

    def mlm(self, h):
        x = gelu(self.linear("generator_predictions.dense", h, self.c["embedding_size"]))
        x = self.norm("generator_predictions.LayerNorm", x)
        return self.decode(x, None, "generator_lm_head.bias")


class Albert(Bert):
    """Lan et al. 2019: one layer, used L times."""
    base = "albert."

    def embed(self, ids, segments):
        x = super().embed(ids, segments)
        return self.linear(self.p + "encoder.embedding_hidden_mapping_in", x, self.D)

    def layer(self, i, x):
        p = self.p + "encoder.albert_layer_groups.0.albert_layers.0."
        q, k, v = (self.linear(p + "attention." + part, x, self.D)
                   for part in ("query", "key", "value"))
        mixed, look = self.mix(q, k, v)
        x = x + self.linear(p + "attention.dense", mixed, self.D)
        x = self.norm(p + "attention.LayerNorm", x)
        f = self.act(self.linear(p + "ffn", x, self.inner))
        x = x + self.linear(p + "ffn_output", f, self.D)
        return self.norm(p + "full_layer_layer_norm", x), look

    def pooled(self, h):
        return torch.tanh(self.linear(self.p + "pooler", h[0], self.D))

    def mlm(self, h):
        x = self.act(self.linear("predictions.dense", h, self.c["embedding_size"]))
        return self.decode(self.norm("predictions.LayerNorm", x), None, "predictions.bias")


class Nomic(Graph):
    """nomic-embed-text: rotary positions, a SiLU gate (fc12), norms after."""
    base = "bert."

    def read(self):
        c = self.c
        self.D, self.H, self.L = c["n_embd"], c["n_head"], c["n_layer"]
        self.inner, self.V = c["n_inner"], c["vocab_size"]
        self.eps = c["layer_norm_epsilon"]
        self.rotate = self.rotation(c["rotary_emb_base"])

    def embed(self, ids, segments):
        p = self.p + "embeddings."
        x = self.table(p + "word_embeddings.weight", self.V, self.D, ids)
        x = x + self.table(p + "token_type_embeddings.weight", self.c["type_vocab_size"],
                           self.D, segments)
        return self.norm(self.p + "emb_ln", x)

    def layer(self, i, x):
        p, c = "%sencoder.layers.%d." % (self.p, i), self.c
        qkv = self.linear(p + "attn.Wqkv", x, 3 * self.D, c["qkv_proj_bias"])
        mixed, look = self.mix(*qkv.chunk(3, -1), rotate=self.rotate)
        x = x + self.linear(p + "attn.out_proj", mixed, self.D, c["qkv_proj_bias"])
        x = self.norm(p + "norm1", x)
        f = (self.linear(p + "mlp.fc11", x, self.inner, c["mlp_fc1_bias"]) *
             silu(self.linear(p + "mlp.fc12", x, self.inner, c["mlp_fc1_bias"])))
        x = x + self.linear(p + "mlp.fc2", f, self.D, c["mlp_fc2_bias"])
        return self.norm(p + "norm2", x), look


class New(Bert):
    """gte-*-v1.5, gte-multilingual, arctic-embed-m-v2.0: rotary positions and a GELU gate,
    which is the second half of up_gate_proj."""
    base = "new."

    def read(self):
        super().read()
        scaling = self.c["rope_scaling"]
        self.rotate = self.rotation(self.c["rope_theta"],
                                    scaling["factor"] if scaling else 1.0)

    def layer(self, i, x):
        p = "%sencoder.layer.%d." % (self.p, i)
        qkv = self.linear(p + "attention.qkv_proj", x, 3 * self.D)
        mixed, look = self.mix(*qkv.chunk(3, -1), rotate=self.rotate)
        x = x + self.linear(p + "attention.o_proj", mixed, self.D)
        x = self.norm(p + "attn_ln", x)
        up, gate = self.linear(p + "mlp.up_gate_proj", x, 2 * self.inner, False).chunk(2, -1)
        x = x + self.linear(p + "mlp.down_proj", self.act(gate) * up, self.D)
        return self.norm(p + "mlp_ln", x), look

    def mlm(self, h):
        x = self.act(self.linear("lm_head.dense", h, self.D))
        return self.decode(self.norm("lm_head.norm", x), None, "lm_head.decoder.bias")


class Jina(Bert):
    """jina-embeddings-v2: ALiBi in both directions (Press et al. 2021) and a GELU gate,
    which is the first half of gated_layers."""

    @staticmethod
    def slopes(H):
        """2^(-8/H), its square, ...; between powers of two, every second one of the next."""
        whole = 2**int(math.log2(H))
        slopes = [2**(-8 * (h + 1) / whole) for h in range(whole)]
        return slopes if whole == H else slopes + Jina.slopes(2 * whole)[0::2][:H - whole]

    def prepare(self, n):
        far = (torch.arange(n)[None, :] - torch.arange(n)[:, None]).abs()
        slopes = torch.tensor(self.slopes(self.H), dtype=torch.float64)
        self.bias = -slopes[:, None, None] * far

    def project(self, p, part, x):
        return self.linear(p + part, x, self.D)

    def attend(self, p, x):
        q, k, v = (self.project(p + "attention.self.", part, x)
                   for part in ("query", "key", "value"))
        mixed, look = self.mix(q, k, v, self.bias.to(x.dtype))
        x = x + self.linear(p + "attention.output.dense", mixed, self.D)
        return self.norm(p + "attention.output.LayerNorm", x), look

    def layer(self, i, x):
        p = "%sencoder.layer.%d." % (self.p, i)
        x, look = self.attend(p, x)
        gate, up = self.linear(p + "mlp.gated_layers", x, 2 * self.inner, False).chunk(2, -1)
        x = x + self.linear(p + "mlp.wo", gelu(gate) * up, self.D)
        return self.norm(p + "mlp.layernorm", x), look


class JinaCode(Jina):
    """jina-embeddings-v2-base-code: norms of queries and keys over their full width, the
    input added twice, and the gate in the second half."""

    def project(self, p, part, x):
        x = super().project(p, part, x)
        return x if part == "value" else self.norm(p + "layer_norm_" + part[0], x)

    def layer(self, i, x):
        p = "%sencoder.layer.%d." % (self.p, i)
        a, look = self.attend(p, x)
        x = self.norm(p + "layer_norm_1", x + a)
        up, gate = self.linear(p + "mlp.up_gated_layer", x, 2 * self.inner,
                               False).chunk(2, -1)
        x = x + self.linear(p + "mlp.down_layer", up * gelu(gate), self.D)
        return self.norm(p + "layer_norm_2", x), look


class Modernbert(Graph):
    """Warner et al. 2024: norms before, every third layer sees the whole text, the others
    local_attention // 2 tokens to each side; the gate is the first half of Wi."""
    base = "model."

    def read(self):
        c = self.c
        self.D, self.H, self.L = (c["hidden_size"], c["num_attention_heads"],
                                  c["num_hidden_layers"])
        self.inner, self.V = c["intermediate_size"], c["vocab_size"]
        self.eps, self.act = c["norm_eps"], ACTIVATIONS[c["hidden_activation"]]
        self.words = self.p + "embeddings.tok_embeddings.weight"
        if "rope_parameters" in c:  # as transformers 5 writes it
            thetas = [c["rope_parameters"][kind]["rope_theta"]
                      for kind in ("full_attention", "sliding_attention")]
            self.is_global = [kind == "full_attention" for kind in c["layer_types"]]
        else:
            thetas = [c["global_rope_theta"], c["local_rope_theta"]]
            self.is_global = [i % c["global_attn_every_n_layers"] == 0
                              for i in range(self.L)]
        self.rotations = [self.rotation(theta) for theta in thetas]

    def embed(self, ids, segments):
        x = self.table(self.words, self.V, self.D, ids)
        return self.norm(self.p + "embeddings.norm", x, False)

    def prepare(self, n):
        far = (torch.arange(n)[None, :] - torch.arange(n)[:, None]).abs()
        self.window = torch.zeros(n, n, dtype=torch.float64).masked_fill(
            far > self.c["local_attention"] // 2, float("-inf"))

    def layer(self, i, x):
        p = "%slayers.%d." % (self.p, i)
        y = x if i == 0 else self.norm(p + "attn_norm", x, False)
        qkv = self.linear(p + "attn.Wqkv", y, 3 * self.D, False).chunk(3, -1)
        if self.is_global[i]:
            mixed, look = self.mix(*qkv, rotate=self.rotations[0])
        else:
            mixed, look = self.mix(*qkv, self.window.to(x.dtype), self.rotations[1])
        x = x + self.linear(p + "attn.Wo", mixed, self.D, False)
        y = self.norm(p + "mlp_norm", x, False)
        gate, up = self.linear(p + "mlp.Wi", y, 2 * self.inner, False).chunk(2, -1)
        return x + self.linear(p + "mlp.Wo", self.act(gate) * up, self.D, False), look

    def final(self, x):
        return self.norm(self.p + "final_norm", x, False)

    def head(self, x):
        act = ACTIVATIONS[self.c["classifier_activation"]]
        x = act(self.linear("head.dense", x, self.D, self.c["classifier_bias"]))
        return self.norm("head.norm", x, False)

    def classify(self, h):
        x = h[0] if self.c["classifier_pooling"] == "cls" else h.mean(0)
        return self.linear("classifier", self.head(x), self.n_labels)

    def tokens(self, h):
        return self.linear("classifier", self.head(h), self.n_labels)

    def answer(self, h):
        return self.linear("classifier", self.head(h), 2)

    def mlm(self, h):
        return self.decode(self.head(h), None, "decoder.bias")


class Static(Graph):
    """model2vec and sentence-transformers' StaticEmbedding: rows, and their mean."""

    def read(self):
        self.D, self.V, self.H, self.L = self.c["hidden_dim"], self.c["n_rows"], 0, 0

    def embed(self, ids, segments):
        c = self.c
        if c["is_sentence_transformers"]:
            return self.table("embedding.weight", self.V, self.D, ids)
        rows = self.store("mapping", c["n_tokens"])[ids] if c["has_mapping"] else ids
        x = self.table("embeddings", self.V, self.D, rows)
        return x * self.store("weights", c["n_tokens"])[ids, None] if c["has_weights"] else x

    def vector(self, h):
        mean = h.mean(0)
        return mean / mean.norm() if self.c["normalize"] else mean
