"""Every network of the table trained from random weights on the built-in scenes, for a few hundred iterations."""
