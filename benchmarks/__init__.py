"""The tables of the papers and of this project, measured side by side; run from a checkout with `python -m`."""
