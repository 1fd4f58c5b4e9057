"""CompressionReport: the savings of a compressed network, and their cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from numbers import Real
from typing import TYPE_CHECKING

from skextra.cnn._tables import frame, html_table, text_table

if TYPE_CHECKING:
    import pandas as pd

_HEAD = ("layer", "type", "what was done", "parameters", "bytes", "bytes now", "weight error")


@dataclass(frozen=True)
class CompressionRow:
    """A row of a :class:`CompressionReport`.

    Parameters
    ----------
    layer, type : str
        Name of the layer, and of its original class.

    action : str
        What was done to the layer, or why nothing was done.

    parameters : int
        Original number of parameters.

    bytes_before, bytes_after : int
        Size of the stored weights. A codebook that layers share counts with the first of them.

    weight_error : float or None
        Root mean square change of the kernels, relative to their root mean square. None if they
        are unchanged, if neighbouring layers changed with them, and for several steps at once.
    """

    layer: str
    type: str
    action: str
    parameters: int
    bytes_before: int
    bytes_after: int
    weight_error: float | None


@dataclass(frozen=True, eq=False)
class CompressionReport:
    """The savings of a compressed network, and their cost.

    It is printed as a table, and displayed as one in a notebook.

    Parameters
    ----------
    method : str
        Name of the method.

    rows : tuple of CompressionRow
        A row for every layer with weights.

    max_difference, mean_difference : float or None
        Largest and mean absolute difference of the outputs, before the softmax for estimators.
        None without X.

    accuracy_before, accuracy_after : float or None
        Fraction of samples that are classified correctly. None without y.

    seconds_before, seconds_after : float or None
        Time to predict `n_timed` samples: medians of several predictions, taken in turns. None
        without X.

    n_timed : int
        Number of samples that were timed: all of X, at most 1000.

    Examples
    --------
    >>> from skextra.cnn import CompressionReport, CompressionRow
    >>> row = CompressionRow("dense1", "Dense", "int8", 1000, 4000, 1040, 0.01)
    >>> report = CompressionReport("int8", (row,))
    >>> round(report.ratio, 2)
    3.85
    >>> report.transfer_seconds(100)
    (40.0, 10.4)
    """

    method: str
    rows: tuple[CompressionRow, ...]
    max_difference: float | None = None
    mean_difference: float | None = None
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    seconds_before: float | None = None
    seconds_after: float | None = None
    n_timed: int = 0

    @property
    def bytes_before(self) -> int:
        """Original size of all weights, in bytes."""
        return sum(row.bytes_before for row in self.rows)

    @property
    def bytes_after(self) -> int:
        """Size of all weights after compression, in bytes."""
        return sum(row.bytes_after for row in self.rows)

    @property
    def ratio(self) -> float:
        """Original size of the weights over that after compression."""
        return self.bytes_before / self.bytes_after if self.bytes_after else 1.0

    @property
    def speedup(self) -> float | None:
        """Original time of a prediction over that after compression; None without X."""
        return None if self.seconds_before is None else self.seconds_before / self.seconds_after

    def transfer_seconds(self, bandwidth: float) -> tuple[float, float]:
        """Return the time to transfer the weights.

        Parameters
        ----------
        bandwidth : float
            Bandwidth of a connection or a memory, in bytes per second.

        Returns
        -------
        tuple of float
            Seconds before and after.

        Raises
        ------
        ValueError
            If the bandwidth is not positive.
        """
        if not isinstance(bandwidth, Real) or not bandwidth > 0:
            raise ValueError(f"bandwidth={bandwidth!r} must be bytes a second, above 0.")
        return self.bytes_before / bandwidth, self.bytes_after / bandwidth

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each layer, indexed by its name.
        """
        return frame(self.rows, CompressionRow, "CompressionReport.to_frame")

    def __repr__(self) -> str:
        return f"{self.method}\n{text_table(_HEAD, self._cells())}\n{self._footer()}"

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self._cells(), self.method) + f"<p>{self._footer()}</p>"

    def _cells(self):
        return [list(asdict(row).values()) for row in self.rows]

    def _footer(self):
        text = (
            f"{self.bytes_before:,} bytes before, {self.bytes_after:,} now: "
            f"{self.ratio:.2f} times smaller."
        )
        if self.max_difference is not None:
            text += (
                f" Outputs differ by {self.max_difference:.3g} at most, "
                f"{self.mean_difference:.3g} in the mean; {self.n_timed} samples take "
                f"{1e3 * self.seconds_before:.3g} ms before, {1e3 * self.seconds_after:.3g} ms "
                "now."
            )
        if self.accuracy_before is not None:
            text += f" Accuracy {self.accuracy_before:.4f} before, {self.accuracy_after:.4f} now."
        return text
