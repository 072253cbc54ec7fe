"""What starting cold spends on imports: the package's own, and those of what it depends on."""

import ast
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_TIMED = """
from time import perf_counter
begin = perf_counter()
{}
print(perf_counter() - begin)
"""

_LOADED = """
import main, sys
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "")
"""


@dataclass(frozen=True)
class Imports:
    """Seconds of importing the function, and of importing alone what its modules import of others."""

    function: float
    dependencies: float
    by_package: dict[str, float]

    @property
    def ratio(self) -> float:
        return self.function / self.dependencies


def compile_sources(python: str) -> None:
    """Leave nothing to compile while starts are measured, whether or not this environment keeps bytecode."""
    _run(python, "-m", "compileall", "-q", "cbi", "main.py")


def measure_imports(python: str, repeats: int) -> Imports:
    """The quickest of `repeats` imports each, in processes of their own that take turns."""
    statements = _imports_of_others(python)
    runs = [(_seconds(python, "import main"), _seconds(python, statements)) for _ in range(repeats)]
    function, dependencies = (min(times) for times in zip(*runs, strict=True))
    return Imports(function, dependencies, _by_package(python))


def _imports_of_others(python: str) -> str:
    """The import statements of `main` and all of its package, in the order they are met in."""
    files = [Path(line) for line in _run(python, "-c", _LOADED).stdout.splitlines()]
    sources = [file for file in files if file == ROOT / "main.py" or file.is_relative_to(ROOT / "cbi")]
    statements = [
        ast.unparse(node)
        for source in sources
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom) and not _is_own(node)
    ]
    return "\n".join(dict.fromkeys(statements))


def _is_own(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return any(name.partition(".")[0] == "cbi" for name in names)


def _seconds(python: str, statements: str) -> float:
    return float(_run(python, "-c", _TIMED.format(statements)).stdout.splitlines()[-1])


def _by_package(python: str) -> dict[str, float]:
    """Seconds by package, as `python -X importtime` has them, most first."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for line in _run(python, "-X", "importtime", "-c", "import main").stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if own.strip().isdigit():
            seconds[_package(rest.partition("|")[2].strip())] += int(own) / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def _package(module: str) -> str:
    """The package to name: Google's have a common root."""
    parts = module.split(".")
    return ".".join(parts[:3] if parts[:2] == ["google", "cloud"] else parts[:1])


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
