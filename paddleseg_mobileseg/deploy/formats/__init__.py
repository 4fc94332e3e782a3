"""Model files of other engines than Paddle-Lite, written from a lowered program, each with its engine's own tools."""
