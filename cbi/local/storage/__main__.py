"""Run the proxy: `python -m cbi.local.storage --port P --upstream-port U`."""

import argparse

from cbi.local.storage.proxy import StorageProxy


def main() -> None:
    """Serve until killed; the proxy keeps nothing that a restart of the stand-in would not lose too."""
    parser = argparse.ArgumentParser(prog="python -m cbi.local.storage")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream-port", type=int, required=True)
    parser.add_argument("--home", required=True, help="the bucket whose index.html is at /")
    options = parser.parse_args()
    with StorageProxy(options.port, options.upstream_port, options.home) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
