"""Who may know whom, held against what each module imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CLOUD = ["google", "requests"]
HTTP = ["http", "requests", "flask", "cloudevents", "functions_framework"]
PARQUET = ["pyarrow.parquet", "cbi.enrich"]

# What a module, or a folder of them, must not import itself.
MUST_NOT_IMPORT = {
    "cbi.events": ["google.cloud.bigquery", "cbi.warehouse", "cbi.regimes", "cbi.pipeline"],
    "cbi.settings": ["google", "pyarrow", "cbi.feed", "cbi.clients", "cbi.pipeline"],
    "cbi.regimes": PARQUET,
    "cbi.storage": ["google.cloud.bigquery", "cbi.warehouse"],
    "cbi.warehouse": ["google.cloud.storage", "cbi.storage", "pyarrow"],
    "cbi.jobs": ["google.cloud.storage", "cbi.storage", "pyarrow"],
    "cbi.report": ["cbi.storage"],
    "cbi.pipeline": [*HTTP, "os", "pyarrow"],
    "cbi.cli": ["cbi.quality", "cbi.casts", "cbi.enrich", "cbi.storage", "cbi.warehouse", "google"],
    "main": ["cbi.feed", "cbi.quality", "cbi.storage", "cbi.warehouse", "cbi.enrich", "google", "pyarrow"],
}

# What must work without any cloud, and so must not reach a client by any chain of imports.
CLOUDLESS = [
    "cbi.casts",
    "cbi.check",
    "cbi.enrich.nest",
    "cbi.enrich.parts",
    "cbi.enrich.rewrite",
    "cbi.enrich.source",
    "cbi.feed",
    "cbi.findings",
    "cbi.identity",
    "cbi.quality",
    "cbi.regime_calendar",
    "cbi.report",
    "cbi.settings",
    "cbi.validation",
]


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
    found = [(module,)]
    for chain in found:
        known = {each[-1] for each in found}
        found += [(*chain, each) for each in sorted(imports(chain[-1]) & set(modules()) - known)]
    return found


@pytest.mark.parametrize("module", MUST_NOT_IMPORT)
def test_a_room_does_not_know_what_is_none_of_its_business(module: str) -> None:
    assert imports_of(module, MUST_NOT_IMPORT[module]) == set()


@pytest.mark.parametrize("module", CLOUDLESS)
def test_what_needs_no_cloud_reaches_no_client(module: str) -> None:
    assert [" → ".join(chain) for chain in chains(module) if imports_of(chain[-1], CLOUD)] == []


def test_every_module_that_is_spoken_of_is_there() -> None:
    assert {*MUST_NOT_IMPORT, *CLOUDLESS} <= set(modules())


def importers(*names: str) -> set[str]:
    return {module for module in modules() if imports_of(module, list(names))}


def test_only_the_command_line_knows_the_local_stack() -> None:
    outside = {module for module in importers("cbi.local") if not module.startswith("cbi.local")}
    assert outside == {"cbi.cli"}


def test_only_the_entry_point_knows_the_functions_framework() -> None:
    assert importers("functions_framework") == {"main"}


def test_pandas_is_never_imported() -> None:
    assert importers("pandas") == set()


@pytest.mark.parametrize(
    "program",
    ["import cbi", "from cbi.cli import main; main(['--help'], standalone_mode=False)"],
    ids=["import cbi", "python -m cbi --help"],
)
def test_starting_is_quick_because_the_slow_libraries_come_later(program: str) -> None:
    slow = ["google.cloud.storage", "google.cloud.bigquery", "pyarrow.parquet", "pandas"]
    program += f"\nimport sys; sys.exit(' '.join(set(sys.modules) & set({slow})))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.strip() == ""
