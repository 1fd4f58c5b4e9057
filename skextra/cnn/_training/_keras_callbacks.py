"""Keras callbacks of the user's, called in the course of a training."""

import math

from skextra.cnn._keras import keras


class KerasCallbacks:
    """The callbacks of a training, and the model that they are shown.

    Parameters
    ----------
    trainable : TrainableNetwork
        Whose model and optimizer they are shown.

    task : TrainingTask
        With the callbacks.
    """

    def __init__(self, trainable, task):
        k = keras()
        self._model = trainable.network.model
        self._model.compile(
            optimizer=trainable.optimizer,
            loss=k.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self._callbacks = task.callbacks
        # A call for each batch costs time, so it is only made for those who listen.
        self.by_batch = any(_listens(callback) for callback in task.callbacks)
        self._list = k.callbacks.CallbackList(
            list(task.callbacks),
            model=self._model,
            verbose=int(task.verbose),
            epochs=task.epochs,
            steps=math.ceil(len(task.X) / task.batch_size),
        )

    def begin(self):
        """Report the start of the training."""
        self._model.stop_training = False
        self._list.on_train_begin()

    def begin_epoch(self, epoch):
        """Report the start of an epoch; return whether a callback asks to stop."""
        self._list.on_epoch_begin(epoch)
        return self._model.stop_training

    def begin_batch(self, batch):
        """Report the start of a batch."""
        self._list.on_train_batch_begin(batch)

    def end_batch(self, batch, logs):
        """Report the end of a batch; return whether a callback asks to stop."""
        self._list.on_train_batch_end(batch, logs)
        return self._model.stop_training

    def end_epoch(self, epoch, logs):
        """Report the end of an epoch; return whether a callback asks to stop."""
        self._list.on_epoch_end(epoch, dict(logs))
        return self._model.stop_training

    def end(self, history):
        """Report the end of the training."""
        self._list.on_train_end({name: values[-1] for name, values in history.items() if values})

    def leave(self):
        """Detach the model from the callbacks, or they would keep the network alive."""
        for callback in self._callbacks:
            callback.set_model(None)


def _listens(callback):
    """Return whether a Keras callback does something at a batch."""
    base = keras().callbacks.Callback
    for name in ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"):
        method = getattr(callback, name)
        if getattr(method, "__func__", method) is not getattr(base, name):
            return True
    return False


def leaves_no_trace(callback):
    """Return whether a callback changes nothing of a network that `begin` does not reset."""
    callbacks = keras().callbacks
    own = type(callback).__module__.startswith("keras.")
    return own and not isinstance(callback, callbacks.LambdaCallback)
