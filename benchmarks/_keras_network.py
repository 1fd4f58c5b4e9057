"""Keras network: the layers of CNNClassifier as a program on Keras would write them."""

import keras
from keras import layers


def net(shape=(8, 8, 1), filters=(32, 64), learning_rate=0.001):
    """Return the layers of CNNClassifier(filters) as a compiled Keras model."""
    model = keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(filters[0], 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(filters[1], 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(keras.optimizers.Adam(learning_rate), loss=loss, metrics=["accuracy"])
    return model
