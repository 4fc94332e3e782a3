import shutil
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent

# The ranges are those that the test suite was run with.
INSTALL_REQUIRES = [
    # The framework. 2.6 is the last line that writes .pdmodel by itself; Paddle 3 writes .json, which opt cannot read.
    "paddlepaddle>=2.6.2,<2.7",
    # What this plugin extends: registry, training loop, transforms, losses. 2.8.0 is PyPI's newest.
    "paddleseg>=2.8.0,<2.10",
    # Arrays. paddleseg pins an OpenCV that was built against NumPy 1.
    "numpy>=1.22,<2",
    # Reading images; paddleseg needs it anyway and allows nothing newer.
    "opencv-python>=4.5.5,<=4.6.0.66",
    # Reading images whole: unlike OpenCV it refuses a truncated one. Also label maps.
    "pillow>=9",
    # Reading the .mat labels of COCO-Stuff 10k; paddleseg needs it anyway.
    "scipy>=1.7,<2",
    # Programs are read and written as protobuf messages; paddle.distributed.fleet of 2.6 breaks with 6 and newer.
    "protobuf>=3.20.2,<6",
    # Configs.
    "pyyaml>=5.4",
    # Hooks that register components and apply patches when Paddle and PaddleSeg are loaded, and not before.
    "wrapt>=1.14,<3",
    # Downloads of checkpoints and data sets; paddleseg's own downloader imports it too.
    "requests>=2.25,<3",
    # What requests reads with: its errors are told apart, and a trickle is noticed.
    "urllib3>=1.26,<3",
    # Checkpoints that are data and nothing else, the format to prefer.
    "safetensors>=0.4,<0.9",
    # Progress bars.
    "tqdm>=4.60",
    # The report of `mobileseg demo`: its page and its plots. Both come with paddleseg's visualdl anyway.
    "jinja2>=3",
    "matplotlib>=3.5",
]

EXTRAS_REQUIRE = {
    # opt and the x86 predictor. The wheels exist for Linux on x86_64, CPython 3.6 to 3.10.
    "lite": ["paddlelite==2.13rc0"],
    # Drawing the polygons of COCO's JSON files in `mobileseg init`, as COCO's own tools do.
    "coco": ["pycocotools>=2.0.7,<3"],
    # The other engines that `convert --format` writes for and `--engine` names. All of them start from paddle2onnx, of
    # which 2.1 fails on PP-MobileSeg and installs packages while it runs. ncnn's converter, pnnx, is fetched without torch.
    "onnx": ["paddle2onnx>=1.2.11,<1.4", "onnxruntime>=1.16,<2"],
    # `.tflite` files are written in the schema that LiteRT's package ships; there is none for CPython 3.8 and older.
    "tflite": ["ai-edge-litert>=2.1,<3"],
    "mnn": ["paddle2onnx>=1.2.11,<1.4", "MNN>=3.1,<4"],
    "ncnn": ["paddle2onnx>=1.2.11,<1.4", "ncnn>=1.0.20260526,<2"],
    # Detectors on this plugin's backbones (paddleseg_mobileseg.detection). It pins numpy below 1.24, which is why it is
    # in no other extra.
    "detection": ["paddledet==2.6.0"],
    # The suite, its property tests, and two processes to run it in.
    "test": ["pytest>=7.4", "hypothesis>=6.80", "pytest-xdist>=3.5"],
}


# The label core for Python. Optional: without a compiler the plugin installs all the same and NumPy does the work.
LABEL_CORE = Extension(
    "paddleseg_mobileseg._upsample_labels",
    sources=["deploy/cpp/python/upsample_labels_module.cc"],
    include_dirs=["deploy/cpp/include"],
    depends=sorted(str(path.relative_to(ROOT)) for path in (ROOT / "deploy/cpp/include").rglob("*.h")),
    extra_compile_args=["-std=c++17", "-O3"],
    language="c++",
    optional=True,
)


class BuildWithFiles(build_py):
    """Puts what a user needs beside the Python into a wheel: configs, C++ sources, the build script for phones."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for name in ("configs", "deploy"):
                target = Path(self.build_lib, "paddleseg_mobileseg", "share", name)
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))


setup(
    name="paddleseg_mobileseg",
    version="0.1.0",
    description="Mobile segmentation networks from a PaddleSeg config to a phone",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.8,<3.11",
    packages=find_packages(include=["paddleseg_mobileseg", "paddleseg_mobileseg.*"]),
    package_data={
        "paddleseg_mobileseg.data": ["class_lists/*.txt"],
        "paddleseg_mobileseg.report": ["*.css", "*.html"],
        "paddleseg_mobileseg.run_report": ["*.html"],
        "paddleseg_mobileseg.demo": ["*.html"],
    },
    cmdclass={"build_py": BuildWithFiles},
    ext_modules=[LABEL_CORE],
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
    entry_points={"console_scripts": ["mobileseg = paddleseg_mobileseg.cli:main"]},
)
