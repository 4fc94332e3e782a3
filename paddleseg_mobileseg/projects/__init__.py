"""A project out of a folder of pictures and labels: what lies there, index PNGs of its labels, and a config that fits."""
