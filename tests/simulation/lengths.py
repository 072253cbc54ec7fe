"""How much is simulated: `make simulate` tries all there is, `make test` what is tried in a minute."""

import os

LONG = os.environ.get("CBI_SIMULATE") == "long"
