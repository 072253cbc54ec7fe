"""Contracts made from files, and changed as files change. Only commands use this."""
