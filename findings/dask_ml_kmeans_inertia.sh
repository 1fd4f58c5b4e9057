#!/usr/bin/env bash
# dask-ml 2025.1.0: KMeans.inertia_ is a sum of distances, not of squares, unless the last step
# of the centres was shorter than 1e-7.
#
# A good guess: `inertia_` is what scikit-learn calls so and what k-means minimises, the sum of
# squared distances; the documentation says the same. Seen: a fit that `tol` or `max_iter` has
# ended before the centres stand still puts out the sum of plain distances. Fits of different
# `tol` then cannot be compared, and an elbow plot mixes both.
#
# Output seen:
#   tol 0.0001: inertia_ 45051, sum of squares 130943, sum of distances 45051
#   tol 0: inertia_ 130882, sum of squares 130882, sum of distances 45056
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet dask-ml==2025.1.0 dask==2026.8.0 distributed==2026.8.0 \
  scikit-learn==1.9.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
import dask.array as da
import numpy as np
from dask_ml.cluster import KMeans

X = 3 * np.random.default_rng(0).standard_normal((20_000, 2))
for tol, power in ((1e-4, 1), (0, 2)):
    model = KMeans(4, tol=tol, max_iter=1000, random_state=0)
    model.fit(da.from_array(X, chunks=(10_000, 2)))
    centers = np.asarray(model.cluster_centers_)
    distances = np.sqrt(((X[:, None] - centers) ** 2).sum(axis=2)).min(axis=1)
    sums = {n: np.sum(distances**n) for n in (1, 2)}
    print(
        f"tol {tol:g}: inertia_ {model.inertia_:.0f}, sum of squares {sums[2]:.0f}, "
        f"sum of distances {sums[1]:.0f}"
    )
    assert np.isclose(model.inertia_, sums[power]), "the behaviour has changed"
PY
