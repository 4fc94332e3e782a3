"""The page of a training run, or of several side by side: what it learned, what became of it, and how to repeat it."""
