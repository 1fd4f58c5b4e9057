"""Configuration of the documentation; see https://www.sphinx-doc.org.

Nothing here needs a network: links into scikit-learn's pages are made from the version that is
installed, and the formulas are rendered by a copy of MathJax that comes with the pages.
"""

import re
import sys
from importlib.metadata import distribution
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from course import SECTIONS  # noqa: E402
from inventory import write_inventory  # noqa: E402

import skextra  # noqa: E402

project = "skextra"
author = "The skextra developers"
copyright = f"2026, {author}"
version = release = skextra.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
default_role = "literal"
exclude_patterns = ["_build", "**.ipynb", "auto_examples/**.py.md5", "checks_results"]

# -- links and formulas --------------------------------------------------------------------------
inventory = HERE / "generated" / "sklearn.inv"
write_inventory(inventory)
intersphinx_mapping = {"sklearn": ("https://scikit-learn.org/stable", str(inventory))}

_mathjax = distribution("sphinx-mathjax-offline").locate_file(
    "sphinx-mathjax-offline/static/mathjax/tex-svg.js"
)
html_static_path = ["_static", str(_mathjax)]
html_css_files = ["skextra.css"]
mathjax_path = "tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}}
_REMOTE_ICONS = re.compile(r'<link[^>]*href="https?://[^"]*font-awesome[^"]*"[^>]*>')

# -- API pages -----------------------------------------------------------------------------------
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections show the types
numpydoc_show_class_members = False  # autodoc writes the methods out in full
numpydoc_validation_checks = set()  # `make lint` validates


def skip_member(app, what, name, obj, skip, options):
    """Leave out what estimators inherit from scikit-learn, which documents it itself."""
    module = getattr(obj, "__module__", None) or ""
    return True if module.startswith("sklearn.") else skip


def drop_remote_icons(app, pagename, templatename, context, doctree):
    """Use the icons of the theme for the buttons of animations, not those of a remote server."""
    if "body" in context:
        context["body"] = _REMOTE_ICONS.sub("", context["body"])


def setup(app):
    """Connect the hooks above."""
    app.connect("autodoc-skip-member", skip_member)
    app.connect("html-page-context", drop_remote_icons)


# -- gallery -------------------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_",
    "ignore_pattern": r"__init__\.py|^(tour|tour_table|tensorflow_log)\.py$",
    "subsection_order": [f"../examples/{section}" for section in SECTIONS],
    "within_subsection_order": "course.CourseOrder",
    "image_scrapers": ("matplotlib",),
    "image_srcset": ["2x"],  # sharp on screens of high resolution
    "matplotlib_animations": True,
    "reset_modules": ("matplotlib", "course.set_style"),
    "show_memory": False,
    "capture_repr": ("_repr_html_",),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skextra",),
    "reference_url": {"skextra": None},
    "write_computation_times": False,
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# -- pages ---------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "skextra"
html_theme_options = {
    "show_prev_next": False,
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
}
_ALONE = ("index", "install", "moving", "benchmarks", "checks", "changelog")
html_sidebars = {page: [] for page in _ALONE}
html_show_sourcelink = False
