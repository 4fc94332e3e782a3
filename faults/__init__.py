"""A campaign of damaged files: every kind that the plugin reads, damaged by seed, each read in a child with limits."""
