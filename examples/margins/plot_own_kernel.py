"""
============================================
A kernel of one's own
============================================

A classifier with a kernel only has to know how similar samples are. They need not have features:
here they are texts. Of two classes of random texts over four letters, each has a word of eight
letters hidden in all of its texts, with one letter replaced at random. The kernel counts the short
words that two texts share.
"""

# %%
# The matrix of the kernel
# ------------------------
# The number of shared words is a product of features, one for each possible word, and therefore a
# kernel. It is computed here from the sets of words. With ``feature_map="precomputed"`` the
# classifier takes the matrix of all texts, and cross-validation selects rows and columns of it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics.pairwise import manhattan_distances
from sklearn.model_selection import cross_val_score

from skextra import FeatureMapSVM

rng = np.random.default_rng(0)


def text(hidden):
    letters = rng.choice(list("ACGT"), 60)
    place = rng.integers(50)
    letters[place : place + 8] = list(hidden)
    letters[place + rng.integers(8)] = rng.choice(list("ACGT"))
    return "".join(letters)


def shared_words(texts, length):
    words = [{each[i : i + length] for i in range(len(each) - length + 1)} for each in texts]
    return np.array([[len(a & b) for b in words] for a in words], float)


y = np.arange(400) % 2
texts = [text(["GATTACAG", "TCCGTCCG"][kind]) for kind in y]
print(texts[0], texts[1], sep="\n")

lengths, accuracies = [1, 2, 3, 4, 5, 6, 7, 8], []
for length in lengths:
    K = shared_words(texts, length)
    K /= K.diagonal().mean()
    svm = FeatureMapSVM("precomputed", random_state=0)
    accuracies.append(cross_val_score(svm, K, y).mean())
    print(f"words of {length} letters: accuracy {accuracies[-1]:.3f}")

# %%
# All texts have the same letters, and most of them the same words of two letters. Longer words
# are rarely shared by chance. From five letters on the accuracy does not grow any more: the letter
# that was replaced is in most of the long words.

fig, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
ax.plot(lengths, accuracies, marker="o", color="#0072B2")
ax.set(xlabel="letters in a word", ylabel="accuracy, five folds")
plt.show()

# %%
# Landmarks
# ---------
# With fewer landmarks than samples, a prediction needs the kernel with the landmarks only. X keeps
# a column for each text of the fit, as in SVC, but the other columns are not read.

K = shared_words(texts, 4)
train, test = np.arange(300), np.arange(300, 400)
svm = FeatureMapSVM("precomputed", C=0.1, n_components=60, random_state=0)
svm.fit(K[np.ix_(train, train)], y[train])
needed = np.zeros((len(test), len(train)))
needed[:, svm.landmarks_] = K[np.ix_(test, svm.landmarks_)]
landmark_accuracy = svm.score(needed, y[test])
print(f"{len(svm.landmarks_)} landmarks: accuracy {landmark_accuracy:.2f} on the last 100 texts")

# %%
# A function
# ----------
# Samples with features stay as they are, and the kernel is a function of two arrays, here of the
# Manhattan distances of images. scikit-learn's own kernels have names; this one is 'laplacian'. On
# these images the Gaussian is better.

X, digits = load_digits(return_X_y=True)


def laplacian(A, B):
    return np.exp(-0.005 * manhattan_distances(A, B))


images = slice(0, 1000)
scores = {
    name: cross_val_score(model, X[images], digits[images], cv=3).mean()
    for name, model in {
        "the function": FeatureMapSVM(kernel=laplacian, random_state=0),
        "its name": FeatureMapSVM(kernel="laplacian", gamma=0.005, random_state=0),
        "the Gaussian": FeatureMapSVM(random_state=0),
    }.items()
}
for name, score in scores.items():
    print(f"{name:<12}  accuracy {score:.3f}")
