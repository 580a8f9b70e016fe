"""The optimum that test_classifier.c compares with: Newton's method in float64.

    python3 tests/ref/logistic.py

Prints W and b of multinomial logistic regression on twelve points of three values and
three classes, penalty l2/2 |W|^2 with l2 = 0.5, plain and with balanced class weights.
The softmax is the same when one number is added to all biases, so their sum is put at 0.
"""
import numpy as np

N, DIMS, LABELS, L2 = 12, 3, 3, 0.5
x = np.array([[(i * 7 + k * 5 + i * k * 3) % 11 / 5.0 - 1.0 for k in range(DIMS)]
              for i in range(N)])
y = np.array([0, 1, 2, 0, 1, 0, 0, 2, 1, 0, 0, 2])


def solve(c):
    w = np.zeros((LABELS, DIMS + 1))
    x1 = np.hstack([x, np.ones((N, 1))])
    penalty = np.tile(np.array([L2] * DIMS + [0.0]), LABELS)
    for _ in range(100):
        z = x1 @ w.T
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        r = (p - np.eye(LABELS)[y]) * c[y][:, None]
        g = (r.T @ x1).ravel() + penalty * w.ravel()
        h = np.diag(penalty)
        for i in range(N):
            s = c[y[i]] * (np.diag(p[i]) - np.outer(p[i], p[i]))
            h += np.kron(s, np.outer(x1[i], x1[i]))
        w -= (np.linalg.pinv(h) @ g).reshape(w.shape)
    assert np.abs(g).max() < 1e-12
    w[:, DIMS] -= w[:, DIMS].mean()
    return w


count = np.bincount(y)
for c in (np.ones(LABELS), N / (LABELS * count)):
    w = solve(c)
    print("W", ", ".join("%.7f" % v for v in w[:, :DIMS].ravel()))
    print("b", ", ".join("%.7f" % v for v in w[:, DIMS]))
