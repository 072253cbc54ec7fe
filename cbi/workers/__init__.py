"""Processes that may die: bytes from outside are decoded there, within limits of memory and time."""
