"""A run is a log: its entries, what they fold to, and the steps that bring it to its end. No I/O."""
