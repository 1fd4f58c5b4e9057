"""Decision values of single rows under a Gaussian kernel, without a matrix product."""

import math

from skextra._kernels._kernel import kernel

# Sums may be reordered, which vectorises them, and products contracted; overflow and NaN are kept.
FAST = {"reassoc", "contract", "nsz"}


@kernel(fastmath=FAST)
def decide(X, landmarks, gamma, weights, decisions):
    """Write sum(exp(-gamma |x - landmark|^2) weight) for every row and problem, (n, k).

    X: (n, d); landmarks: (m, d); weights: (m, k).
    """
    k = weights.shape[1]
    for i in range(len(X)):
        for c in range(k):
            decisions[i, c] = 0.0
        for j in range(len(landmarks)):
            square = 0.0
            for a in range(X.shape[1]):
                difference = X[i, a] - landmarks[j, a]
                square += difference * difference
            value = math.exp(-gamma * square)
            for c in range(k):
                decisions[i, c] += value * weights[j, c]
