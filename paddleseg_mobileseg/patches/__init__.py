"""What is patched in OpenCV, Paddle and PaddleSeg, and nothing else: one registry, a module for each subject.

Each patch looks for its fault in the behaviour or the source, never only in a version, leaves a healthy installation
as it is, cites what it answers to upstream, and fails soft where upstream has moved on. `mobileseg doctor` lists them.
"""
