"""Commands that print a ratio against a floor or a peer in the same run. ``python -m benchmarks`` lists them."""
