import pytest

import paddleseg_mobileseg  # noqa: F401  first, so that OpenCV comes before Paddle
from golden import published_tensors
from paddleseg_mobileseg.checkpoint import write_checkpoint


@pytest.fixture(scope="session")
def published_checkpoint(tmp_path_factory):
    """Path of a rebuilt published checkpoint, by model name."""
    folder = tmp_path_factory.mktemp("published")

    def write(model_name):
        path = folder / f"{model_name}.pdparams"
        if not path.exists():
            write_checkpoint(path, published_tensors(model_name))
        return path

    return write
