-- Vectors as values: float32, little-endian.
SELECT hex(vector('[1, -2.5]')), vector_dims(vector('[1, -2.5]'));
SELECT vector_json(x'0000803f000020c0');
SELECT vector_json(vector('[1e-45, -3e-40, 2.9129e-40, 1.1754942e-38, 1.1754944e-38]'));
SELECT vector_json(vector('[0.1, 1e-30, 16777217, 3.4028234e38, 1e-45, -0.0, 0.333333333]'));
SELECT vector_json(vector(vector('[1]')));
SELECT vector(NULL), vector_json(NULL), vector_dims(NULL);
SELECT vector_dims(zeroblob(262144));
SELECT vector_dims(vector('[' || substr(replace(hex(zeroblob(4000)), '00', ',1'), 2) || ']'));

-- Any float32 comes back the same.
WITH RECURSIVE f(i, b) AS (
  SELECT 1, x'00000080' UNION ALL
  SELECT i + 1, CAST(printf('%c%c%c%c', 1 + i % 120, 1 + i * 7 % 127, 1 + i * 31 % 127, 1 + i * 3 % 125) AS BLOB)
    FROM f WHERE i < 200)
SELECT count(*), sum(hex(vector(vector_json(b))) = hex(b)) FROM f;

-- What is refused.
SELECT vector('');
SELECT vector('[]');
SELECT vector('{}');
SELECT vector('1');
SELECT vector('[1,');
SELECT vector('[1, "2"]');
SELECT vector('[1, null]');
SELECT vector('[1, [2]]');
SELECT vector('[1e39]');
SELECT vector('[-1e400]');
SELECT vector('[NaN]');
SELECT vector(x'');
SELECT vector(x'000080');
SELECT vector(x'0000807f');
SELECT vector(x'0000803f0000c07f');
SELECT vector(zeroblob(262148));
SELECT vector_json('[1]');
SELECT vector_json(1);
SELECT vector_dims('[1]');
SELECT vector_dims(x'00');
SELECT vector();

-- The largest float32 comes back, and what would round to infinity does not go in.
SELECT hex(vector(vector_json(x'ffff7f7f')));
SELECT vector('[3.4028235677973366e38]');
SELECT vector('{}');
