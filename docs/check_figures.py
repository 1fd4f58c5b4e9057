"""Check that README.md and docs/index.rst state the figures of the benchmark tables.

The tables, which `make bench` renews, are the only source. Each sentence below is generated from a
table and must appear on both pages, so that the pages agree with each other and with the tables.
"""

import re
import sys
from math import ceil
from pathlib import Path

DOCS = Path(__file__).parent
PAGES = (DOCS.parent / "README.md", DOCS / "index.rst")
FRACTIONS = {7: "a seventh", 8: "an eighth", 9: "a ninth", 10: "a tenth"}


def found(table, pattern):
    """Return the numbers captured by a pattern, in the order of the lines of a table."""
    text = (DOCS / "benchmarks_results" / f"bench_{table}.txt").read_text(encoding="utf-8")
    groups = [match.groups() for match in re.finditer(pattern, text, re.MULTILINE)]
    if not groups:
        raise SystemExit(f"bench_{table}.txt has no line like {pattern}")
    return [float(number) for numbers in groups for number in numbers]


def whole(number):
    """Return the nearest integer, with halves rounded down, so that no page claims too much."""
    return ceil(number - 0.5)


def sentences():
    """Yield the sentences that both pages must contain."""
    (speed,) = found("kmeans", r"larger sets: ([\d.]+)x")
    yield f"{whole(speed)} times as fast on large data (geometric mean)"
    ours, one, ten = found("kmeans", r"ours ([\d.]+)%, KMeans ([\d.]+)%, best of 10 ([\d.]+)%")
    yield f"inertia {ours:.1f}% above the lowest known, one run of KMeans {one:.1f}%"
    yield f"the best of ten {ten:.1f}%"

    dense = found("lms", r"^LMS \d+x\d+ float\d\d, fit.* ([\d.]+)x")
    sparse = found("lms", r"^LMS CSR.*, epoch.* ([\d.]+)x")
    passes = found("lms", r"padasip.* ([\d.]+)x")
    yield f"a fit of dense data {whole(min(dense))} to {whole(max(dense))} times as fast"
    yield f"an epoch of sparse data {min(sparse)} to {max(sparse)} times"
    yield f"an adaptive pass {whole(min(passes))} to {whole(max(passes))} times as fast"
    (speed,) = found("lms", r"^Adaline .*, epoch.* ([\d.]+)x")
    yield f"an epoch {speed} times as fast"
    scores = {f"{score:.1%}" for score in found("lms", r"^MNIST test accuracy of .* ([\d.]+) in")}
    yield f"{' and '.join(sorted(scores))} on MNIST for both"

    solved = "parity of 8 bits, 16 hidden units, {} +(\\d+) of (\\d+)"
    ours, seeds = found("madaline", solved.format("Madaline"))
    theirs, starts = found("madaline", solved.format("MRII as published"))
    yield f"of 8 bits with 16 units is solved from {ours:.0f} of {seeds:.0f} seeds"
    yield f"by MRII as published, from {theirs:.0f} of {starts:.0f}"

    mnist = r"60000 images: SVC\(C=1\)\n.*\nSVC.* ([\d.]+) *\n"
    ours = r"FeatureMapSVM\(m=1000, n_jobs=1\) +[\d.]+ +([\d.]+)x +[\d.]+ +([\d.]+)x"
    ours += r" +([\d.]+)-([\d.]+)"
    peer, fit, predict, low, high = found("svm", mnist + ours)
    yield f"MNIST, one thread each: fit {whole(fit)} times"
    yield f"prediction {whole(predict)} times as fast"
    yield f"accuracy {low:.1f}% to {high:.1f}%, SVC {peer:.1f}%"

    (speed,) = found("cnn", r"^scikeras.* ([\d.]+)x")
    yield f"a search over small digits in {FRACTIONS[whole(speed)]} of the CPU time"
    score, seconds = found("cnn", r"^the network of the guide, 8 epochs +([\d.]+) +(\d+) s")
    yield f"{score:.2%} on MNIST in {whole(seconds / 60)} minutes"
    (before,) = found("compression", r"^as trained .* ([\d.]+)$")
    ratio, after = found("compression", r"^16 clusters +[\d,]+ +([\d.]+) .* ([\d.]+)$")
    yield f"network for MNIST in {FRACTIONS[whole(ratio)]} of the bytes"
    yield f"has an accuracy of {after:.2%}, {before:.2%} before"


def main():
    """Print the missing sentences; return their number."""
    missing = []
    for page in PAGES:
        text = " ".join(re.sub(r"[`*|]", "", page.read_text(encoding="utf-8")).split())
        missing += [f'{page.name} lacks "{each}"' for each in sentences() if each not in text]
    print("\n".join(missing) or "README and front page state the figures of the benchmarks.")
    return len(missing)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
