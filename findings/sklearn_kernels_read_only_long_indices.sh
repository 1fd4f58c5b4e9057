#!/usr/bin/env bash
# scikit-learn 1.9.1: two of the kernels of sklearn.metrics.pairwise refuse arrays that the others
# take: chi2_kernel those that are read-only, laplacian_kernel CSR arrays with 64-bit indices.
#
# A good guess: kernels of one module, called through pairwise_kernels with the same arrays, accept
# the same arrays. Seen: rbf, linear, polynomial, cosine and sigmoid take both. joblib hands
# read-only maps of large arrays to its workers, and SciPy makes 64-bit indices for large arrays, so
# that a search over kernels fails for two of them only where data are large.
#
# Output seen:
#   read-only: chi2 refuses: buffer source array is read-only
#   64-bit indices: laplacian refuses: Buffer dtype mismatch, expected 'const int' but got 'long'
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
"$dir/venv/bin/python" - <<'PY'
import numpy as np
from scipy import sparse
from sklearn.metrics.pairwise import pairwise_kernels

DENSE = ("rbf", "linear", "poly", "cosine", "sigmoid", "laplacian", "chi2")
X = np.random.default_rng(0).random((6, 4))
read_only = X.copy()
read_only.flags.writeable = False
long = sparse.csr_array(X)
long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
refused = {}
for name, data, metrics in (
    ("read-only", read_only, DENSE), ("64-bit indices", long, DENSE[:-1])
):  # chi2 takes no sparse array at all
    for metric in metrics:
        try:
            assert np.allclose(pairwise_kernels(data, metric=metric), pairwise_kernels(X, metric=metric))
        except ValueError as error:
            refused[name, metric] = str(error)
            print(f"{name}: {metric} refuses: {error}")
assert set(refused) == {("read-only", "chi2"), ("64-bit indices", "laplacian")}, refused
PY
