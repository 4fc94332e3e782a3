"""What an optimised program gives on a phone that computes in half precision, simulated on this host with NumPy."""
