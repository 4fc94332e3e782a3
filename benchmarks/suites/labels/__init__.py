"""What a label map costs: exact upsampling, interpolation of all classes and argmax, and VIM."""
