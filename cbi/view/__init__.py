"""What people see of a run: a report as lines for a terminal.

All of it is made of reports and does no I/O. `rich` is loaded by the command line alone.
"""
