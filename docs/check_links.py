"""Check the built pages: links, images, and that nothing needs a network.

Every link to a page, a file or an anchor must have a target; scripts, styles and images must be
part of the pages; and the HTML representation of every estimator must link to an existing page.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import skextra

_SOURCES = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """The links of a page, what it loads, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.places = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Record what a tag links to, loads and is named."""
        values = dict(attributes)
        self.places |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if values.get(_SOURCES.get(tag)) and values.get("rel") != "canonical":
            self.loads.append(values[_SOURCES[tag]])


def faults_of(root):
    """Yield a sentence for every broken link."""
    files = [path for path in root.rglob("*.html") if "_static" not in path.parts]
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in files}
    for path, page in pages.items():
        name = path.relative_to(root)
        for target in page.loads:
            parts = urlsplit(target)
            if parts.scheme != "data" and parts.netloc:
                yield f"{name} loads {target} from the network"
        for target in page.links + page.loads:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            goal = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            if goal.is_dir():
                goal = goal / "index.html"
            if not goal.exists():
                yield f"{name} links to {target}, which does not exist"
            elif goal in pages and unquote(parts.fragment) not in {"", *pages[goal].places}:
                yield f"{name} links to {target}, an anchor that is not on that page"
    for estimator in (getattr(skextra, name) for name in skextra.__all__):
        if hasattr(estimator, "_get_doc_link"):
            link = estimator()._get_doc_link()
            if not (root / "generated" / link.rpartition("/")[2]).exists():
                yield f"{estimator.__name__} links to {link}, which is no page"


def main(root):
    """Print all faults; return their number."""
    faults = sorted(set(faults_of(Path(root).resolve())))
    print("\n".join(faults) or "All links have a target, and no page needs a network.")
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 1))
