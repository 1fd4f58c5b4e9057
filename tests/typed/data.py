"""What is taken for data, and what is not."""

from typing import assert_type

import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse

import skextra
from skextra._typing import MatrixLike

assert_type(skextra.__version__, str)
skextra.show_versions()


def right_code(X: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> list[MatrixLike]:
    return [
        X,
        X.tolist(),
        [[1, 2.5], [2, 3]],
        [X[0], X[1]],
        pd.DataFrame({"a": [1.0]}),
        pl.DataFrame({"a": [1.0]}),
        sparse.csr_array(X),
        sparse.csr_matrix(X),
        sparse.coo_array(X),
    ]


def wrong_code() -> None:
    takes("eight")  # type: ignore[arg-type]
    takes(None)  # type: ignore[arg-type]
    takes(8)  # type: ignore[arg-type]
    takes([["eight"]])  # type: ignore[list-item]


def takes(X: MatrixLike) -> None:
    pass
