#!/usr/bin/env bash
# Keras 3.15.1: a quantised layer inside TimeDistributed multiplies by its codes.
#
# A good guess: TimeDistributed does at each step what the layer does, quantised or not. Seen: it
# calls `layer.call`, and the switch to the quantised computation is in `layer.__call__`. So the
# int8 codes are taken for the weights, without their scale, and the outputs are some hundred
# times too large; nothing is raised.
#
# Output seen:
#   before:                    [-0.065 -0.104]
#   int8, by itself:           [-0.062 -0.107]
#   int8, in TimeDistributed:  [-13.745 -16.069]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 "$dir/venv/bin/python" - 2>"$dir/log" <<'PY' || { cat "$dir/log"; exit 1; }
import keras
import numpy as np

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(2, 4, 6)).astype("float32")
dense = keras.layers.Dense(2)
dense.build((None, 6))
steps = keras.layers.TimeDistributed(dense)
before = np.array(steps(x))[0, 0]
dense.quantize("int8")
alone, inside = np.array(dense(x))[0, 0], np.array(steps(x))[0, 0]
print("before:                   ", before.round(3))
print("int8, by itself:          ", alone.round(3))
print("int8, in TimeDistributed: ", inside.round(3))
assert np.allclose(alone, before, atol=0.02)
assert np.abs(inside).max() > 50 * np.abs(before).max(), "the behaviour has changed"
PY
