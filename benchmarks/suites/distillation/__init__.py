"""A student of reduced images with its teacher and without, on the built-in scenes, and the time that it saves."""
