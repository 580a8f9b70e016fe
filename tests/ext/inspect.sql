-- The inside of a forward pass.
SELECT encoder_load('tests/data/tiny'), encoder_default('tiny');
SELECT layer, position, token, vector_dims(vector) FROM hidden_states('the cat');
SELECT layer, count(*) FROM hidden_states('the cat sat', 2) GROUP BY 1;
SELECT layer, count(*) FROM hidden_states('the cat sat', 0, 'tiny') GROUP BY 1;
SELECT layer, count(*) FROM hidden_states('the cat sat', NULL) GROUP BY 1;
SELECT count(*) FROM hidden_states('the cat') a, hidden_states('the cat', 1) b
 WHERE a.layer = b.layer AND a.position = b.position AND a.vector = b.vector;
SELECT count(*) FROM hidden_states(NULL);
SELECT count(*) FROM hidden_states('');
SELECT count(*) FROM hidden_states('the', 3);
SELECT count(*) FROM hidden_states('the', -1);
SELECT count(*) FROM hidden_states('the', 'last');
SELECT count(*) FROM hidden_states('the', 1, 'none');
SELECT count(*) FROM hidden_states;

-- Attention: what each token takes from the others adds up to one.
SELECT layer, head, from_position, from_token, round(sum(weight), 4)
  FROM attention('the cat') GROUP BY 1, 2, 3;
SELECT layer, head, from_position, to_position, from_token, to_token
  FROM attention('the', 2, 1) WHERE from_position <= 1;
SELECT min(layer), max(layer), min(head), max(head), count(*) FROM attention('the cat', NULL, 1);
SELECT min(layer), max(layer), min(head), max(head), count(*) FROM attention('the cat', 1, NULL, 'tiny');
SELECT count(*) FROM attention('the cat') a, attention('the cat', 2, 1) b
 WHERE a.layer = b.layer AND a.head = b.head AND a.from_position = b.from_position
   AND a.to_position = b.to_position AND a.weight = b.weight;
SELECT count(*) FROM attention('the', 0);
SELECT count(*) FROM attention('the', 1, 2);
SELECT count(*) FROM attention(x'00');
SELECT count(*) FROM attention(NULL);

-- The pooler over [CLS].
SELECT vector_dims(pooled('the cat')), typeof(pooled(NULL)), vector_dims(pooled('', 'tiny'));
SELECT pooled('the cat') = pooled('the cat', 'tiny'), pooled('the cat') = pooled('cat the');
SELECT max(abs(value)) <= 1 FROM json_each(vector_json(pooled('the cat')));
SELECT pooled(x'00');
SELECT pooled('the', 'none');
