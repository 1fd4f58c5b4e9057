"""The only module that names `sklearn.callback`, which is experimental in scikit-learn 1.9."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from skextra._typing import Method

if TYPE_CHECKING:  # scikit-learn has no types

    class CallbackSupportMixin:
        def set_callbacks(self, *callbacks: object) -> Self: ...
        def _init_callback_context(self, max_subtasks: int) -> Any: ...

    def with_callbacks(method: Method) -> Method: ...

else:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

__all__ = ["CallbackSupportMixin", "EpochReporter", "with_callbacks"]

State = TypeVar("State")


class EpochReporter(Generic[State]):
    """Report the epochs of one fit to the callbacks of an estimator.

    Parameters
    ----------
    estimator : estimator with CallbackSupportMixin
        The estimator being fitted.

    max_epochs : int
        The largest number of epochs.

    attributes : callable
        Maps what `epoch` is given to the fitted attributes that make a copy of the estimator
        ready to predict. Called only when a callback asks for it.

    unit : str, default="epoch"
        What an epoch is called.

    **data : dict
        X, y and metadata, handed on to the callbacks.
    """

    def __init__(
        self,
        estimator: CallbackSupportMixin,
        max_epochs: int,
        attributes: Callable[[State], dict[str, Any]],
        unit: str = "epoch",
        **data: Any,
    ) -> None:
        self._estimator = estimator
        self._attributes = attributes
        self._unit = unit
        self._data = data
        self._root = estimator._init_callback_context(max_subtasks=max_epochs)
        # A context for every epoch would take a fifth of the time of small fits with nobody to
        # hear of them. If scikit-learn gives the attribute up, epochs are reported as ever.
        self._is_heard = bool(getattr(self._root, "_callbacks", True))
        self.was_stopped = False  # by a callback
        if self._is_heard:
            self._root.call_on_fit_task_begin(estimator=estimator, **data)

    def epoch(self, state: State) -> bool:
        """Report that an epoch is over; return whether a callback asks to stop."""
        if not self._is_heard:
            return False
        context = self._root.subcontext(task_name=self._unit)
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        stop = bool(self._close(context, state))
        self.was_stopped |= stop
        return stop

    def finish(self, state: State) -> None:
        """Close the fit."""
        if self._is_heard:
            self._close(self._root, state)

    def _close(self, context: Any, state: State) -> Any:
        return context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: self._attributes(state),
            **self._data,
        )
