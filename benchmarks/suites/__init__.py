"""The suites: `registry` declares them, and a folder for each kind holds what takes a turn and what is said of it.

The `__init__` of each folder imports nothing, so that `cache.files_of` a module finds what that module needs alone.
"""
