"""The ways to do the task, each a module with a function `run`. Its library is left as it is installed."""
