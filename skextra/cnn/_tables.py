"""Tables: rows of cells as text, as HTML and as a data frame."""

from dataclasses import fields
from html import escape

from skextra._base import import_extra

_STYLE = "font-variant-numeric: tabular-nums; padding: 0.2em 0.7em; white-space: nowrap"
# Text that columns of numbers may hold.
_MARKS = ("?", "all")


def as_text(value):
    """Return a cell as text: sizes joined by an x, whole numbers with commas."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        parts = ["+".join(map(as_text, v)) if isinstance(v, tuple) else as_text(v) for v in value]
        return "x".join(parts)
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _columns(head, rows):
    """Return cells as text without empty columns, the head first, and which hold numbers."""
    kept, numeric = [], []
    for i, _ in enumerate(head):
        column = [row[i] for row in rows]
        if any(map(as_text, column)):
            kept.append(i)
            numeric.append(not any(isinstance(c, str) and c not in _MARKS for c in column))
    return [[as_text(row[i]) for i in kept] for row in (list(head), *rows)], numeric


def text_table(head, rows):
    """Return a table in aligned columns, numbers to the right."""
    cells, numeric = _columns(head, rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        parts = zip(row, widths, numeric, strict=True)
        lines.append("  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in parts).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def html_table(head, rows, caption):
    """Return an HTML table, which scrolls if it is too wide."""
    cells, numeric = _columns(head, rows)

    def line(row, tag):
        sides = ["right" if number else "left" for number in numeric]
        parts = [
            f'<{tag} style="text-align: {side}; {_STYLE}">{escape(cell)}</{tag}>'
            for cell, side in zip(row, sides, strict=True)
        ]
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(line(row, "td") for row in cells[1:])
    top = f"<caption>{escape(caption)}</caption><thead>{line(cells[0], 'th')}</thead>"
    return f'<div style="overflow-x: auto"><table>{top}<tbody>{body}</tbody></table></div>'


def frame(rows, kind, what):
    """Return rows of a dataclass as a pandas DataFrame, indexed by the first field."""
    pandas = import_extra("pandas", "plot", what)
    names = [field.name for field in fields(kind)]
    cells = [[getattr(row, name) for name in names] for row in rows]
    return pandas.DataFrame(cells, columns=names).set_index(names[0])
