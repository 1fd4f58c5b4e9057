"""The outputs of an adaptive filter while it adapted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skextra._base import import_extra
from skextra._typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AdaptiveTrace:
    """Outputs and errors of one adapting pass, as returned by :meth:`LMSRegressor.adapt`.

    Parameters
    ----------
    output : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        A-priori outputs: those for each row before the filter adapted to it.

    error : ndarray of the same shape
        A-priori errors, the desired signal minus the output. In noise cancelling this is the
        cleaned signal.

    coef_path : ndarray of shape (n_samples, [n_outputs,] n_features) or None
        The weights after each row, if they were asked for.

    intercept_path : ndarray of shape (n_samples,) or (n_samples, n_outputs) or None
        The intercept after each row, if the weights were asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from skextra import AdaptiveTrace
    >>> AdaptiveTrace(np.array([0.0, 1.0]), np.array([1.0, 0.5])).error
    array([1. , 0.5])
    """

    output: FloatArray
    error: FloatArray
    coef_path: FloatArray | None = None
    intercept_path: FloatArray | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return outputs and errors as a pandas DataFrame, a column each per output.

        Returns
        -------
        pandas.DataFrame
            Columns `output` and `error`, numbered where there are several outputs.
        """
        pandas = import_extra("pandas", "plot", "AdaptiveTrace.to_frame")
        if self.output.ndim == 1:
            return pandas.DataFrame({"output": self.output, "error": self.error})
        columns = {}
        for k in range(self.output.shape[1]):
            columns[f"output{k}"] = self.output[:, k]
            columns[f"error{k}"] = self.error[:, k]
        return pandas.DataFrame(columns)
