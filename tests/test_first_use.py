"""The first answer in a process, where loops come compiled: nobody waits for a compiler."""

import os
import subprocess
import sys

import pytest

from skextra._kernels import _kernel

pytestmark = pytest.mark.skipif(
    _kernel._library is None, reason=f"the loops of this installation are {_kernel.in_use}"
)

SCRIPT = """
import sys
import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits
import skextra

X, y = load_digits(return_X_y=True)
X, y = X[:600] / 16, y[:600]
model = eval("skextra." + sys.argv[1])
forms = [np.asarray, sparse.csr_array] if sys.argv[2] == "sparse" else [np.asarray]
for dtype in (np.float64, np.float32):
    for form in forms:
        data = form(X.astype(dtype))
        model.fit(data, y)
        model.predict(data)
        model.predict(data[:1])
        if hasattr(model, "transform"):
            model.transform(data)
        model.fit(data, y > 4)
assert "numba" not in sys.modules
"""


@pytest.mark.parametrize(
    "model, form",
    [
        ("KMeansPP(10, random_state=0)", "sparse"),
        ("KMeansPP(3, refine=None, random_state=0)", "sparse"),
        ("LMSRegressor()", "sparse"),
        ("LMSRegressor(variant='nlms')", "sparse"),
        ("LMSRegressor(variant='rls')", "sparse"),
        ("LMSRegressor(average=True)", "sparse"),
        ("Adaline()", "sparse"),
        ("Adaline(average=False)", "sparse"),
        ("FeatureMapSVM(random_state=0)", "sparse"),
        ("FeatureMapSVM('identity', loss='hinge', random_state=0)", "sparse"),
        ("Madaline(max_iter=3, random_state=0)", "dense"),
        ("Madaline(rule='mri', max_iter=3, random_state=0)", "dense"),
    ],
)
def test_a_first_fit_compiles_nothing(model, form):
    environment = os.environ | {"SKEXTRA_KERNELS": "compiled", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, model, form],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
