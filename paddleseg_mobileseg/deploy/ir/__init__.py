"""Exported programs: their messages, their parameters, and running them in Paddle."""
