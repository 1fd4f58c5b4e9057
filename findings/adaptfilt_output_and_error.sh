#!/usr/bin/env bash
# adaptfilt 0.3: output and error of lms() and nlms() do not add up to the desired signal.
#
# A good guess: y and e, of the same length and returned by one call, are output and error of the
# same weights, so that y + e = d. Seen: e is the error of the weights before the step, y is the
# output of the weights after it. The difference is largest while the filter still learns, which
# is when one looks at it; with a large step y looks much better than the filter was.
#
# Output seen:
#   lms:  max |d - (y + e)| 2.4, of d up to 12.8
#   nlms: max |d - (y + e)| 1.7, of d up to 12.8
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 adaptfilt==0.3
"$dir/venv/bin/python" - <<'PY'
import adaptfilt
import numpy as np

u = np.random.default_rng(0).standard_normal(300)
d = np.convolve(u, [1.0, -2.0, 0.5, 3.0])[:300]
for filter, step in ((adaptfilt.lms, 0.05), (adaptfilt.nlms, 0.5)):
    y, e, weights = filter(u, d, 4, step, returnCoeffs=True)
    desired = d[3:]
    gap = np.abs(desired - (y + e)).max()
    print(f"{filter.__name__ + ':':5} max |d - (y + e)| {gap:.1f}, of d up to {abs(desired).max():.1f}")
    assert gap > 1.0, "the behaviour has changed"
    rows = np.lib.stride_tricks.sliding_window_view(u, 4)[:, ::-1]
    assert np.allclose(y, np.sum(weights * rows, axis=1))  # the weights after each step
    before = np.vstack([np.zeros(4), weights[:-1]])
    assert np.allclose(e, desired - np.sum(before * rows, axis=1))
PY
