"""The order of the gallery's pages in their sections."""

from pathlib import Path

SECTIONS = ["clustering", "margins", "adaptive", "networks", "small_networks"]
PAGES = [
    "neighbours",
    "kmeans_steps",
    "kmeans_elbow",
    "kmeans_outlier",
    "kmeans_images",
    "mapping_trick",
    "rbf_svm",
    "lms_lab",
    "adaline_logic",
    "madaline_xor",
    "madaline_starts",
    "system_identification",
    "noise_cancelling",
    "tracking",
    "backpropagation",
    "convolution_matrix",
    "cnn_anatomy",
    "cnn_digits",
    "cnn_training",
    "cnn_inside",
    "batch_norm",
    "weight_budget",
    "cnn_compression",
]


class CourseOrder:
    """Sort key for pages; one that is not in the list is an error, not the last."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, filename):
        """Return the place of a page."""
        return PAGES.index(Path(filename).stem.removeprefix("plot_"))

    def __repr__(self):
        return "CourseOrder"  # the same in every build, or all pages would be built again
