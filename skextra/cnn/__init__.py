"""Convolutional networks: everything that needs Keras, which is imported when it is first used."""
