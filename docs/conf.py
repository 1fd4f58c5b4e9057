"""Configuration of the documentation; see https://www.sphinx-doc.org."""

import os

import skextra

project = "skextra"
author = "The skextra developers"
copyright = f"2026, {author}"
version = release = skextra.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
default_role = "literal"
exclude_patterns = ["_build", "**.ipynb", "auto_examples/**.py.md5"]

# Links into other projects need the network, and the build has to pass without one.
if os.environ.get("SKEXTRA_DOCS_ONLINE"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "python": ("https://docs.python.org/3", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }

# -- API pages -----------------------------------------------------------------------------------
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say it better
numpydoc_show_class_members = False  # autodoc writes the methods out in full
numpydoc_validation_checks = set()  # `make lint` validates


def skip_member(app, what, name, obj, skip, options):
    """Leave out what estimators inherit from scikit-learn, which documents it itself."""
    module = getattr(obj, "__module__", None) or ""
    return True if module.startswith("sklearn.") else skip


def setup(app):
    """Connect the hook above."""
    app.connect("autodoc-skip-member", skip_member)


# -- gallery -------------------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_",
    "ignore_pattern": r"__init__\.py|^tour\.py$",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "show_memory": False,
    "capture_repr": ("_repr_html_",),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skextra",),
    "reference_url": {"skextra": None},
    "min_reported_time": 1e6,
}

# -- pages ---------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "skextra"
html_theme_options = {"show_prev_next": False}
html_sidebars = {"install": [], "benchmarks": [], "changelog": []}
html_show_sourcelink = False
