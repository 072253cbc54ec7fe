"""What operates on runs: sweep, replay, undo, init."""
