"""Every supported combination of CPython, Paddle, NumPy, OpenCV and PaddleSeg, tried in an environment of its own."""
