"""A student of reduced pictures with its teacher and without, on the built-in scenes, and the time that it saves."""
