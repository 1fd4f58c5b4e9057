#!/usr/bin/env bash
# statsmodels 0.15.0: RecursiveLS returns zeros for data in units of 1e-6.
#
# A good guess: least squares does not depend on units, so that X and y both times 1e-6 give the
# parameters that X and y give; OLS does. Seen: at 1e-3 they are right, at 1e-6 all are exactly 0.
# The only sign is NumPy's "invalid value encountered in scalar divide" from inside.
#
# Output seen:
#   unit 1: [ 1.  -2.   0.5  3. ]
#   unit 0.001: [ 1.  -2.   0.5  3. ]
#   unit 1e-06: [0. 0. 0. 0.]
#   OLS, unit 1e-06: [ 1.  -2.   0.5  3. ]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 statsmodels==0.15.0
"$dir/venv/bin/python" - <<'PY'
import numpy as np
import statsmodels.api as sm

weights = np.array([1.0, -2.0, 0.5, 3.0])
X = np.random.default_rng(0).standard_normal((500, 4))
y = X @ weights
for unit, expected in ((1, weights), (1e-3, weights), (1e-6, np.zeros(4))):
    found = sm.RecursiveLS(unit * y, unit * X).fit().params
    print(f"unit {unit:g}: {found}")
    assert np.allclose(found, expected, atol=1e-6), "the behaviour has changed"
found = sm.OLS(1e-6 * y, 1e-6 * X).fit().params
print("OLS, unit 1e-06:", found)
assert np.allclose(found, weights)
PY
