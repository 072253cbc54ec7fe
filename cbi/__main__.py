"""`python -m cbi`."""

from cbi.cli import main

main(prog_name="python -m cbi")
