-- similarity: the cosine of two texts, two vectors, or one of each.
SELECT encoder_load('tests/data/tiny', 'tiny');
SELECT abs(similarity('hello', 'hello', 'tiny') - 1) < 1e-6;
SELECT similarity('hello', 'good day', 'tiny') = similarity('good day', 'hello', 'tiny');
SELECT similarity('hello', 'good day', 'tiny')
     = similarity(embed('hello', 'tiny'), embed('good day', 'tiny'));
SELECT similarity('hello', embed('good day', 'tiny'), 'tiny')
     = similarity(embed('hello', 'tiny'), 'good day', 'tiny');
SELECT similarity(NULL, 'a', 'tiny') IS NULL, similarity('a', NULL, 'tiny') IS NULL;

-- Vectors need no model, and may have any width.
SELECT similarity(vector('[1, 0]'), vector('[1, 0]'));
SELECT similarity(vector('[1, 0]'), vector('[0, 1]'));
SELECT similarity(vector('[1, 2, 3]'), vector('[-1, -2, -3]'));
SELECT round(similarity(vector('[3, 4]'), vector('[4, 3]')), 6);

-- A zero vector has no direction.
SELECT similarity(vector('[0, 0]'), vector('[1, 0]')) IS NULL;

-- In [-1, 1] also where rounding would leave it.
SELECT count(*), min(s) >= -1, max(s) <= 1 FROM (
  WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 50)
  SELECT similarity('text ' || a.i, 'text ' || b.i, 'tiny') AS s FROM n AS a, n AS b
   WHERE a.i <= 4);

-- Refusals.
SELECT similarity('a');
SELECT similarity(vector('[1, 2]'), vector('[1, 2, 3]'));
SELECT similarity('a', vector('[1, 2, 3]'), 'tiny');
SELECT similarity(x'0000c07f', vector('[1]'));
SELECT similarity(vector('[1]'), x'0000807f');
SELECT similarity(x'', vector('[1]'));
SELECT similarity(x'010203', vector('[1]'));
SELECT similarity('a', 'b', 'no such model');
