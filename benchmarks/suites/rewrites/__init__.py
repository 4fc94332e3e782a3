"""What the rewrites of conversion save: operations, time on this host, and instructions on an emulated ARM core."""
