"""The integers of 8 bits that a quantised program computes with."""

LARGEST = 127
"""The largest of the integers; the least is -127, so that zero stays zero and every sign has as many."""

UNSIGNED_BITS = 9
LARGEST_UNSIGNED = 255
"""Of integers for what is never below zero. Paddle counts a sign, which takes one of its bits."""
