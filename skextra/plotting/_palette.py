"""The colours and markers of all displays.

The colours are those of Okabe and Ito, which can be distinguished with any colour vision, with
grey in place of yellow. Markers and dashes serve print without colour.
"""

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#808080"
COLOURS = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", GREY)
DASHES = ("-", "-.", ":")  # "--" is for validation
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # one more, so that pairs do not repeat
