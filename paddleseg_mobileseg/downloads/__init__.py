"""Files from the web. What must be in them is for the callers to look at."""
