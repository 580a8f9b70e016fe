-- next_sentence: BERT's second task; rerank: a cross-encoder's score.
SELECT encoder_load('tests/data/tiny', 'tiny');
SELECT p > 0, p < 1, p = next_sentence('one', 'two', 'tiny')
  FROM (SELECT next_sentence('one', 'two', 'tiny') AS p);
-- The order matters.
SELECT next_sentence('a b c', 'd', 'tiny') = next_sentence('d', 'a b c', 'tiny');
SELECT next_sentence(NULL, 'a', 'tiny'), next_sentence('a', NULL, 'tiny');
SELECT next_sentence('', '', 'tiny') BETWEEN 0 AND 1;
SELECT rerank(NULL, 'a', 'tiny'), rerank('a', NULL, 'tiny');

-- Refusals.
SELECT next_sentence('a');
SELECT next_sentence(x'00', 'a', 'tiny');
SELECT next_sentence('a', x'00', 'tiny');
SELECT next_sentence('a', 'b', 'no such model');
SELECT rerank('a', 'b', 'no such model');
SELECT rerank('a', 'b', 'tiny');
SELECT next_sentence('a', 'b', x'00');
SELECT rerank('a', x'00', 'tiny');
