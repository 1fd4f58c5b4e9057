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
wide = np.hstack([X, X[::-1], X[:, ::-1], np.roll(X, 7, 0), X**2])
model = eval("skextra." + sys.argv[1])
forms = [np.asarray, sparse.csr_array] if sys.argv[2] == "sparse" else [np.asarray]
for dtype in (np.float64, np.float32):
    for form in forms:
        for rows in (X, wide):
            data = form(rows.astype(dtype))
            model.fit(data, y)
            model.predict(data)
            model.predict(data[:1])
            if hasattr(model, "transform"):
                model.transform(data)
            if hasattr(model, "partial_fit"):
                more = {"classes": np.arange(10)} if hasattr(model, "classes_") else {}
                model.partial_fit(data, y, **more)
        if sys.argv[2] == "sparse":
            model.fit(form(np.resize(X, (11000, 64)).astype(dtype)), np.resize(y, 11000),
                      sample_weight=np.resize(y + 1.0, 11000))
        model.fit(form(X.astype(dtype)), y > 4)
    if "LMSRegressor()" in sys.argv[1]:
        skextra.lms_stability(X[:200].astype(dtype))
        model.set_params(learning_rate=10.0).fit(X[:200].astype(dtype), y[:200])  # diverges
        two = np.column_stack([y, y])
        model.set_params(learning_rate="auto").fit(X.astype(dtype), two)
        model.adapt(X.astype(dtype), two)
assert "numba" not in sys.modules
"""


@pytest.mark.parametrize(
    "model, form",
    [
        ("KMeansPP(10, random_state=0)", "sparse"),
        ("KMeansPP(3, refine=None, random_state=0)", "sparse"),
        ("KMeansPP(40, max_iter=3, random_state=0)", "sparse"),
        ("KMeansPP(30, algorithm='elkan', max_iter=3, random_state=0)", "sparse"),
        ("KMeansPP(10, metric='cosine', random_state=0)", "sparse"),
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
