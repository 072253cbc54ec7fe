"""Who may know whom, held against what each module imports."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CLOUD = ["google", "requests"]
HTTP = ["http", "requests", "flask", "cloudevents", "functions_framework"]

ROOT_MODULES = {"errors", "settings", "findings", "deadline", "decoding", "encoding", "wording"}

# What a module, or a room of them, must not import itself, of libraries.
MUST_NOT_IMPORT = {
    "cbi.events": ["google"],
    "cbi.settings": ["google", "pyarrow"],
    "cbi.lookups": ["pyarrow.parquet"],
    "cbi.gcs": ["google.cloud.bigquery"],
    "cbi.warehouse.jobs": ["google.cloud.storage", "pyarrow"],
    "cbi.runs.protocol": ["google", "pyarrow"],
    "cbi.runs.part_jobs": ["google.cloud.storage", "pyarrow"],
    "cbi.sql": ["google", "pyarrow"],
    "cbi.warehouse.statements": ["google", "pyarrow"],
    "cbi.runs.pipeline": [*HTTP, "os", "pyarrow"],
    "cbi.cli": ["google"],
    "main": ["google", "pyarrow"],
}

# What must work without any cloud, and so must not reach a client by any chain of imports.
CLOUDLESS = [
    "cbi.checks",
    "cbi.contract",
    "cbi.enrich.nest",
    "cbi.enrich.rewrite",
    "cbi.gcs.identity",
    "cbi.lookups.regime_calendar",
    "cbi.ops.check",
    "cbi.parquet",
    "cbi.runs.protocol",
    "cbi.runs.report",
    "cbi.runs.in_worker",
    "cbi.settings",
    "cbi.workers",
]


# The helpers of tests that know the local stack, or a cloud. All others work where neither is installed.
SERVER_HELPERS = {
    "cloud",
    "command_cases",
    "command_line",
    "file_cases",
    "fork_server",
    "function_process",
    "trial",
    "warehouse_tables",
    "world",
}


def modules() -> list[str]:
    paths = [ROOT / "main.py", *(ROOT / "cbi").rglob("*.py")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return sorted(name.removesuffix(".__init__") for name in names)


@cache
def imports(module: str) -> frozenset[str]:
    """What a module imports, also inside functions, but not for types alone.

    `from a import b` counts as `a` and as `a.b`.
    """
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def walk(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{module} imports relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    return frozenset(walk(ast.parse(source.read_text(encoding="utf-8"))))


def imports_of(module: str, wanted: list[str]) -> set[str]:
    return {
        each for each in imports(module) for name in wanted if each == name or each.startswith(f"{name}.")
    }


def chains(module: str) -> list[tuple[str, ...]]:
    """The modules of the package that a module reaches, itself among them, each with one way to it."""
    found: list[tuple[str, ...]] = [(module,)]
    for chain in found:
        known = {each[-1] for each in found}
        found += [(*chain, each) for each in sorted(imports(chain[-1]) & set(modules()) - known)]
    return found


def room(module: str) -> str:
    """The folder of the package a module is in, or its own name where it lies at the root."""
    return module.split(".")[1]


def rooms_known_by(name: str) -> set[str]:
    """The other rooms that the modules of a room import."""
    found = {
        room(each)
        for module in modules()
        if module != "cbi" and module.startswith("cbi.") and room(module) == name
        for each in imports(module)
        if each.startswith("cbi.")
    }
    return found - {name}


def architecture() -> dict[str, set[str]]:
    """The table of rooms in ARCHITECTURE.md: which rooms each may know."""
    text = (ROOT / "cbi/ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", text, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", known)) for name, known in rows}


def test_a_room_knows_only_the_rooms_that_the_architecture_lists() -> None:
    allowed = architecture()
    strangers = {name: rooms_known_by(name) - ROOT_MODULES - known for name, known in allowed.items()}
    assert {name: found for name, found in strangers.items() if found} == {}


def test_every_room_stands_in_the_architecture() -> None:
    there = {room(module) for module in modules() if module.startswith("cbi.")}
    assert there - ROOT_MODULES - {"__main__"} == set(architecture())


def test_no_two_rooms_know_each_other() -> None:
    order: list[str] = []
    waiting = architecture()
    while free := [name for name, known in waiting.items() if known <= set(order)]:
        order += free
        waiting = {name: known for name, known in waiting.items() if name not in free}
    assert waiting == {}


def test_no_module_reaches_itself() -> None:
    """No circle of imports among the modules of the package."""
    edges = {module: imports(module) & set(modules()) - {module} for module in modules()}
    done: set[str] = set()
    while free := [m for m, needed in edges.items() if m not in done and needed <= done]:
        done |= set(free)
    assert set(edges) - done == set()


def inside(module: str) -> list[str]:
    """A module, or all modules of a folder."""
    return [each for each in modules() if each == module or each.startswith(f"{module}.")]


@pytest.mark.parametrize("module", MUST_NOT_IMPORT)
def test_a_module_does_not_know_libraries_that_are_none_of_its_business(module: str) -> None:
    assert {
        each: found for each in inside(module) if (found := imports_of(each, MUST_NOT_IMPORT[module]))
    } == {}


@pytest.mark.parametrize("module", CLOUDLESS)
def test_what_needs_no_cloud_reaches_no_client(module: str) -> None:
    reached = [chain for each in inside(module) for chain in chains(each)]
    assert [" → ".join(chain) for chain in reached if imports_of(chain[-1], CLOUD)] == []


def test_every_module_that_is_spoken_of_is_there() -> None:
    assert {*MUST_NOT_IMPORT, *CLOUDLESS} <= set(modules())


def importers(*names: str) -> set[str]:
    return {module for module in modules() if imports_of(module, list(names))}


def test_only_the_command_line_knows_the_local_stack() -> None:
    outside = {module for module in importers("cbi.local") if not module.startswith("cbi.local")}
    assert outside == {"cbi.cli.local", "cbi.cli.integration"}


def test_only_the_entry_point_knows_the_functions_framework() -> None:
    assert importers("functions_framework") == {"main"}


def test_only_what_talks_to_people_knows_rich() -> None:
    assert {room(module) for module in importers("rich")} == {"cli", "local", "view"}


def test_pandas_is_never_imported() -> None:
    assert importers("pandas") == set()


@pytest.mark.parametrize(
    "program",
    ["import cbi", "from cbi.cli import main; main(['--help'], standalone_mode=False)"],
    ids=["import cbi", "python -m cbi --help"],
)
def test_starting_is_quick_because_the_slow_libraries_come_later(program: str) -> None:
    slow = ["google.cloud.storage", "google.cloud.bigquery", "pyarrow", "pandas", "rich"]
    program += f"\nimport sys; sys.exit(' '.join(set(sys.modules) & set({slow})))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.strip() == ""


def test_a_command_is_imported_when_it_is_asked_for() -> None:
    program = (
        "from cbi.cli import main; main(['undo', '--help'], standalone_mode=False)\n"
        "import sys; sys.exit(' '.join(name for name in sys.modules if name.startswith('cbi.cli.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    shared = {f"cbi.cli.{name}" for name in ("cloud", "options", "output", "progress", "reachability")}
    assert set(done.stderr.split()) == {"cbi.cli.undo", *shared}


def test_helpers_of_tests_without_servers_load_no_client_and_no_stand_in() -> None:
    helpers = {path.stem for path in (ROOT / "tests/support").glob("*.py")} - {"__init__"}
    assert helpers >= SERVER_HELPERS
    names = ["conftest", *(f"support.{name}" for name in sorted(helpers - SERVER_HELPERS))]
    program = (
        f"import sys; sys.path[:0] = ['tests', '.']; import {', '.join(names)}\n"
        "sys.exit(' '.join(name for name in sys.modules if name.startswith(('cbi.local', 'google.cloud.'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.strip() == ""
