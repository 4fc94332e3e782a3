"""What several tests stand on: exports, published tensors, small data sets, doubles of what cannot be had here."""
