"""`mobileseg demo`: from random weights to a timed Paddle-Lite model on the built-in scenes, with a report."""
