"""The order of the gallery's pages in their sections, and the style of their figures."""

from pathlib import Path

SECTIONS = ["clustering", "margins", "adaptive", "networks", "small_networks"]
PAGES = [
    "neighbours",
    "kmeans_steps",
    "kmeans_elbow",
    "kmeans_outlier",
    "kmeans_texts",
    "kmeans_images",
    "mapping_trick",
    "rbf_svm",
    "own_kernel",
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
    """Sort key for pages; a page that is not in the list raises an error."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, filename):
        """Return the position of a page."""
        return PAGES.index(Path(filename).stem.removeprefix("plot_"))

    def __repr__(self):
        return "CourseOrder"  # the same in every build; otherwise all pages would be rebuilt


def set_style(gallery_conf, fname):
    """Enlarge the text of figures: 6.4 inches wide, it is still legible on a phone."""
    from matplotlib import rcParams

    rcParams["font.size"] = 11
