"""Paddle-Lite and what is measured with it: opt, predictors, inputs, outputs, records."""
