-- fill_mask: BERT's first task.
SELECT encoder_load('tests/data/tiny', 'tiny');
SELECT count(*), count(DISTINCT id), min(position) = max(position), min(score) > 0,
       sum(score) <= 1
  FROM fill_mask('hello [MASK] world', 5, 'tiny');
SELECT count(*) FROM (SELECT score, lag(score) OVER () AS before
                        FROM fill_mask('hello [MASK] world', 20, 'tiny')) WHERE score > before;

-- The position is that of tokens(), the token that of the vocabulary.
SELECT f.position = t.position, t.token
  FROM fill_mask('hello [MASK] world', 1, 'tiny') AS f,
       tokens('hello [MASK] world', 'tiny') AS t WHERE t.token = '[MASK]';

-- The sequence is the text with the piece in it, as the user wrote the rest.
SELECT sequence = CASE WHEN token LIKE '##%' THEN 'Hello' || substr(token, 3) || ' World!'
                       ELSE 'Hello ' || token || ' World!' END
  FROM fill_mask('Hello [MASK] World!', 5, 'tiny');

-- Five guesses unless k says otherwise; k for each mask.
SELECT count(*) FROM fill_mask('a [MASK]', NULL, 'tiny');
SELECT count(*), count(DISTINCT position) FROM fill_mask('[MASK] and [MASK]', 3, 'tiny');
SELECT count(*) FROM fill_mask(NULL, 3, 'tiny');
SELECT sum(score) > 0.99 OR count(*) = 1000 FROM fill_mask('a [MASK]', 1000, 'tiny');

-- Refusals.
SELECT * FROM fill_mask('no mask here', 5, 'tiny');
SELECT * FROM fill_mask('[mask]', 5, 'tiny');
SELECT * FROM fill_mask('[MASK]', 0, 'tiny');
SELECT * FROM fill_mask('[MASK]', 1001, 'tiny');
SELECT * FROM fill_mask('[MASK]', 'many', 'tiny');
SELECT * FROM fill_mask(x'00', 5, 'tiny');
SELECT * FROM fill_mask('[MASK]', 5, 'no such model');
SELECT position FROM fill_mask(replace(hex(zeroblob(600)), '00', 'word ') || '[MASK]', 1, 'tiny');
