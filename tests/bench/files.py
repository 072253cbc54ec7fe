"""The files that are measured on, made once and kept until what makes them changes."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

COLUMNS = 44
"""How many columns a staged file of the default feed has."""

WARM_UP = "warm_up.parquet"

_WARM_UP_ROWS = 1_000
_HERE = Path(__file__).parent
_RECIPE = (_HERE / "data.py", _HERE / "task.py", _HERE.parents[1] / "cbi/feeds/daily_ml_matrix.yaml")


@dataclass(frozen=True)
class Files:
    """Makes files in `folder`, each in a process of its own, beside the small one that ways warm up with."""

    folder: Path

    @classmethod
    def below(cls, cache: Path) -> "Files":
        """The folder for what the present recipe makes; those of earlier recipes are removed."""
        recipe = crc32(b"".join(path.read_bytes() for path in _RECIPE))
        folder = cache / f"files-{recipe:08x}"
        for other in cache.glob("files-*"):
            if other != folder:
                shutil.rmtree(other)
        folder.mkdir(parents=True, exist_ok=True)
        files = cls(folder)
        files._made(WARM_UP, _WARM_UP_ROWS)
        return files

    def file(self, rows: int, *, columns: int = COLUMNS, row_groups: int | None = None) -> Path:
        """A file of that many rows and columns; without `row_groups` pyarrow decides on them."""
        options = ["--extra-columns", str(columns - COLUMNS)]
        name = f"{rows}-rows-{columns}-columns"
        if row_groups:
            options += ["--row-groups", str(row_groups)]
            name += f"-{row_groups}-row-groups"
        return self._made(f"{name}.parquet", rows, *options)

    def _made(self, name: str, rows: int, *options: str) -> Path:
        path = self.folder / name
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            command = [sys.executable, "-m", "bench.data", str(unfinished), str(rows), *options]
            subprocess.run(command, check=True)
            unfinished.rename(path)
        return path
