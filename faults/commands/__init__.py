"""The subcommands of `python -m faults`."""
