"""The only module that names `sklearn.callback`, which is experimental in scikit-learn 1.9."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from skextra._typing import Method

if TYPE_CHECKING:  # scikit-learn is not typed

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
        Maps the state passed to `epoch` to the fitted attributes with which a copy of the
        estimator can predict. Called only when a callback asks for them.

    unit : str, default="epoch"
        Name of an epoch in the reports.

    **data : dict
        X, y and metadata, passed on to the callbacks.
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
        # Without callbacks, a context for every epoch would take a fifth of the time of a small
        # fit. `_callbacks` is private to scikit-learn: without it, every epoch is reported.
        self.has_callbacks = bool(getattr(self._root, "_callbacks", True))
        self.was_stopped = False  # by a callback
        if self.has_callbacks:
            self._root.call_on_fit_task_begin(estimator=estimator, **data)

    def epoch(self, state: State) -> bool:
        """Report the end of an epoch; return whether a callback asks to stop."""
        if not self.has_callbacks:
            return False
        context = self._root.subcontext(task_name=self._unit)
        context.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        stop = bool(self._close(context, state))
        self.was_stopped |= stop
        return stop

    def finish(self, state: State) -> None:
        """Report the end of the fit."""
        if self.has_callbacks:
            self._close(self._root, state)

    def _close(self, context: Any, state: State) -> Any:
        return context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: self._attributes(state),
            **self._data,
        )
