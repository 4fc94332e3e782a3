"""Networks side by side: how long an inference takes, from the image to the label map."""
