"""A project out of a folder of pictures and labels: index PNGs of the labels, lists, and a config that fits."""
