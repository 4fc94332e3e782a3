"""From an exported static graph to a model that runs and is timed through Paddle-Lite."""
