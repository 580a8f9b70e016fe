-- What: BERT's first task: the words most likely to stand where [MASK] stands.
-- Needs: build/encoder.so (make). Run: sqlite3 <sql/fill_mask.sql
-- Shows: several guesses, several masks, Korean and English.
.load build/encoder
.mode column --wrap 0

SELECT format('%.2f', score) AS score, sequence
  FROM fill_mask('He was born in New [MASK] City.');

SELECT format('%.2f', score) AS score, sequence
  FROM fill_mask('조선은 1392년에 건국된 [MASK]이다.', 3);

-- Each mask is guessed with the others still masked: rows come position by position.
SELECT position, format('%.2f', score) AS score, token
  FROM fill_mask('The [MASK] was written by a famous [MASK].', 2);
