import shutil
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent

# The ranges are those that were run. Paddle is not here: pip would lay paddlepaddle over an installed paddlepaddle-gpu,
# into the same folder. Nor is PaddleSeg: its wheel allows no OpenCV that NumPy 2 can load, so that it is installed with
# --no-deps, and what it needs is listed here.
INSTALL_REQUIRES = [
    # Arrays.
    "numpy>=1.22,<2.6",
    # Reading images, here and in PaddleSeg. From 4.10 on it is built against NumPy 2.
    "opencv-python>=4.5.5,<5.1",
    # Reading images whole: unlike OpenCV it refuses a truncated one. Also label maps.
    "pillow>=9",
    # Reading the .mat labels of COCO-Stuff 10k; PaddleSeg needs it anyway.
    "scipy>=1.7,<2",
    # Programs are read and written as protobuf messages. Paddle 2.6 trains on several processes with 5 and older only.
    "protobuf>=3.20.2,<7",
    # Configs.
    "pyyaml>=5.4",
    # Hooks that register components and apply patches when Paddle and PaddleSeg are loaded, and not before.
    "wrapt>=1.14,<3",
    # Downloads of checkpoints and data sets; PaddleSeg's own downloader imports it too.
    "requests>=2.25,<3",
    # What requests reads with: its errors are told apart, and a trickle is noticed.
    "urllib3>=1.26,<3",
    # Checkpoints that are data and nothing else, the format to prefer.
    "safetensors>=0.4,<0.9",
    # Progress bars.
    "tqdm>=4.60",
    # The report of `mobileseg demo`: its page and its plots. Both come with PaddleSeg's visualdl anyway.
    "jinja2>=3",
    "matplotlib>=3.5",
    # What else PaddleSeg imports: locks of its downloads, tables, the area under a curve, and its --use_vdl.
    "filelock>=3",
    "prettytable>=2",
    "scikit-learn>=1",
    "visualdl>=2.5,<3",
    # Paddle imports it, and says so only from 3.3 on; from CPython 3.12 on a new environment has none.
    "setuptools>=64; python_version >= '3.12'",
]

PADDLE2ONNX = "paddle2onnx>=1.2.11,<1.4; python_version < '3.13'"
ONNXRUNTIME = "onnxruntime>=1.16,<2"
LITERT = "ai-edge-litert>=2.3,<3; python_version >= '3.9'"

# Where a package has no wheel for a Python, a marker leaves it out, so that the extra still installs there.
EXTRAS_REQUIRE = {
    # The framework, for processors. 3.0 to 3.3 and 2.6.2 were run.
    "cpu": ["paddlepaddle>=2.6.2,<3.4"],
    # What the figures of the README and of the benchmarks are of, and what requirements.lock locks.
    "reference": ["paddlepaddle==2.6.2", "paddleseg==2.8.0", "numpy<2", "protobuf<6"],
    # opt and the x86 predictor. Under other Pythons the first conversion fetches the same wheel for its library.
    "lite": ["paddlelite==2.13rc0; python_version < '3.11'"],
    # Drawing the polygons of COCO's JSON files in `mobileseg init`, as COCO's own tools do.
    "coco": ["pycocotools>=2.0.7,<3"],
    # The other engines that `convert --format` writes for and `--engine` names. All but LiteRT start from paddle2onnx:
    # 1.2.11 is for Paddle 2.6, 1.3 for both 2.6 and 3; 2.x fails on PP-MobileSeg, and installs packages while it runs.
    # 1.x has no wheels for CPython 3.13. ncnn's converter, pnnx, is fetched without the torch that it asks for.
    "onnx": [PADDLE2ONNX, ONNXRUNTIME],
    # `.tflite` files are written in the schema that LiteRT's package ships.
    "tflite": [LITERT],
    "mnn": [PADDLE2ONNX, "MNN>=3.6,<4"],
    "ncnn": [PADDLE2ONNX, "ncnn>=1.0.20261020,<2; python_version >= '3.9'"],
    # Detectors on this plugin's backbones (paddleseg_mobileseg.detection). It pins numpy below 1.24, which is why it is
    # in no other extra.
    "detection": ["paddledet==2.6.0"],
    # The suite, its property tests, and two processes to run it in. And two engines: LiteRT, whose files are written by
    # this plugin itself, and ONNX Runtime, from whose format the others start.
    "test": [
        "pytest>=7.4",
        "hypothesis>=6.80",
        "pytest-xdist>=3.5",
        LITERT,
        PADDLE2ONNX,
        ONNXRUNTIME,
    ],
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
    python_requires=">=3.8,<3.14",
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
