#!/usr/bin/env python3
"""Runs a command, and again while it is refused for what passes by itself in a fresh project.

    deploy/retry.py [--again ARGUMENT]... -- COMMAND...

What the command prints is passed on. It is run again only where every error in it is one of PASSING, after a
wait that is told, and at most for TRIES times: an agent, a role or a metric takes up to ten minutes. With
--again, the later runs have that argument too.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Sequence

TRIES = 12
WAIT_SECONDS = 60

# What is waited for, by the error that is met until then, as Terraform and gcloud have shown it. Sources:
# https://github.com/hashicorp/terraform-provider-google/issues/ 2971, 7611, 11102, 14584, 20571, and
# https://cloud.google.com/iam/docs/access-change-propagation
PASSING = {
    "a service that was just enabled": r"If you enabled this API recently, wait a few minutes",
    "Eventarc's agent and its role": r"Permission denied while using the Eventarc Service Agent",
    "the right of Cloud Storage's agent to publish": (
        r"Cloud Storage service account for your bucket is unable to publish to Cloud Pub/Sub topics|"
        r"does not have permission to publish messages to (to )?the Cloud Pub/Sub topic"
    ),
    "the log-based metrics (up to 10 minutes)": (
        r"Cannot find metric\(?s?\)? that match|The metric referenced by the provided filter is unknown"
    ),
    "an account that was just made": (
        r"Service account [\w.@-]+ does not exist|unknown service account|"
        r"Principal of type serviceAccount does not exist"
    ),
    "the roles of the account that builds": (
        r"gcf-v2-sources-[\w-]+ denied\. You must grant Storage Object Viewer|"
        r"missing permission on the build service account|"
        r"Could not build the function due to (a )?missing permissions?|"
        r'Permission "artifactregistry\.repositories\.\w+" denied'
    ),
    "the agents' right to use the key": (
        r"Permission denied on Cloud KMS key|cloudkms\.cryptoKeyVersions\.useTo\w+' denied"
    ),
    "another change of the project's roles": r"There were concurrent policy changes",
}

# Where an error begins, in Terraform's boxes and in gcloud's lines.
_ERROR = re.compile(r"^[│╷\s]*(?:Error|ERROR): ", re.MULTILINE)


def awaited(output: str) -> list[str]:
    """What a failed command's errors say it waits for; nothing where one of them does not pass by itself."""
    errors = _ERROR.split(output)[1:]
    # A long line is wrapped, in a box of Terraform's with a bar before each piece.
    texts = [" ".join(error.replace("│", " ").split()) for error in errors]
    found = [
        next((what for what, sign in PASSING.items() if re.search(sign, text, re.I)), None) for text in texts
    ]
    return [] if None in found else sorted({what for what in found if what is not None})


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(usage=(__doc__ or "").split("\n\n")[1].strip())
    parser.add_argument("--again", action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    command = list(options.command)
    for left in reversed(range(TRIES)):
        code, output = _run(command)
        what = awaited(output) if code else []
        if not what or not left:
            return code
        print(
            f"waiting {WAIT_SECONDS} s for {', '.join(what)}; {left} more tries …",
            file=sys.stderr,
            flush=True,
        )
        time.sleep(WAIT_SECONDS)
        command = [*options.command, *options.again]
    raise AssertionError("the last try returns")


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run a command with its output shown as it comes; give its exit code and what it showed."""
    shown = bytearray()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        while piece := process.stdout.read1():  # type: ignore[attr-defined]
            shown += piece
            sys.stdout.buffer.write(piece)
            sys.stdout.flush()
    return process.returncode, shown.decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
