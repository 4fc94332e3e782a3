"""Tables, plots, overlays and scores: what the demo, the commands and the benchmarks share."""
