"""The converters by the format that they write."""

from . import mnn_file, ncnn_file, onnx_file, tflite_file

CONVERTERS = {each.CONVERTER.format: each.CONVERTER for each in (onnx_file, tflite_file, ncnn_file, mnn_file)}
"""All but opt, which writes `.nb` files."""
