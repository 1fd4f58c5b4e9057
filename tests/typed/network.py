"""CNNClassifier, as a type checker sees it."""

from typing import Any, assert_type

import keras
import numpy as np
from numpy.typing import NDArray

from skextra import CNNClassifier
from skextra._typing import KerasModel
from skextra.cnn import load_model

X, y = np.zeros((30, 64)), np.arange(30) % 2


def right_code() -> None:
    cnn = CNNClassifier((8, 16), 3, pool=("max", None), activation="relu", image_shape=(8, 8, 1))
    cnn = CNNClassifier(8, ((3, 5),), padding=(1, "same"), pool_strides=(None, 2), l2=(0.0, 1e-3))
    cnn = cnn.fit(X, y, X_val=X, y_val=y).partial_fit(X, y, classes=[0, 1])
    assert_type(cnn, CNNClassifier)
    assert_type(cnn.fit(X, y).predict(X), NDArray[Any])
    assert_type(cnn.classes_, NDArray[Any])
    assert_type(cnn.image_shape_, tuple[int, int, int])
    assert_type(cnn.weights_, list[NDArray[np.floating[Any]]])
    assert_type(cnn.history_, dict[str, list[float]])
    assert_type(cnn.loss_curve_, NDArray[np.float64])
    assert_type(cnn.n_iter_, int)
    assert_type(cnn.model_, KerasModel)
    assert_type(cnn.decision_function(X), NDArray[np.float64])
    assert_type(cnn.predict_proba(X), NDArray[np.float64])
    assert_type(cnn.predict_log_proba(X), NDArray[np.float64])
    assert_type(cnn.score(X, y), float)
    assert_type(cnn.get_params(), dict[str, Any])
    assert_type(cnn.set_params(epochs=2).set_callbacks(), CNNClassifier)
    assert_type(cnn.set_fit_request(X_val=True, y_val=True), CNNClassifier)
    cnn.save("network.keras")
    assert_type(CNNClassifier.load("network.keras"), CNNClassifier)
    assert_type(load_model("network.keras"), KerasModel)
    cnn.fit(X.reshape(30, 8, 8), ["a", "b"] * 15)
    CNNClassifier(augmentation={"shift": 2, "rotation": 10, "zoom": 0.1, "flip": "both"})
    CNNClassifier(build=dense_network)
    model: keras.Model = cnn.model_
    print(model)
    counts = [8, 16]
    CNNClassifier(counts, dense_units=counts)
    for n in np.arange(2, 5):
        CNNClassifier((n, n), (n, 1), dense_units=n, epochs=n, batch_size=n, image_shape=(n, n))


def dense_network(image_shape: tuple[int, int, int], n_classes: int) -> keras.Model:
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(n_classes)])


def wrong_code(cnn: CNNClassifier) -> None:
    CNNClassifier("many")  # type: ignore[arg-type]
    CNNClassifier(padding="some")  # type: ignore[arg-type]
    CNNClassifier(pool="maximum")  # type: ignore[arg-type]
    CNNClassifier(augmentation={"shear": 3})  # type: ignore[arg-type]
    CNNClassifier(augmentation={"flip": "diagonal"})  # type: ignore[arg-type]
    CNNClassifier(dtype="float8")  # type: ignore[arg-type]
    CNNClassifier(epoch=3)  # type: ignore[call-arg]
    cnn.fit(X)  # type: ignore[call-arg]
    cnn.fit("X.csv", y)  # type: ignore[arg-type]
    assert cnn.fit(X, y).weight_  # type: ignore[attr-defined]
    CNNClassifier.load(3)  # type: ignore[arg-type]
