"""Where this installation keeps its configs and deployment files.

A checkout and an editable install have them at the top of the repository, a
wheel has them inside the package.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def installed_folder(name: str) -> Path:
    """The folder `name` ("configs" or "deploy") of this installation."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


CONFIGS = installed_folder("configs")
