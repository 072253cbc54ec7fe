"""`retry.py`: what passes by itself is waited for, anything else is told at once."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.terraform import DEPLOY

# As Terraform and gcloud have printed them, from threads about the provider and its modules. The names of
# those that pass are part of what retry.py says it waits for.
ERRORS = Path(__file__).parent / "errors"
PASSING = {path.stem.replace("-", " "): path.read_text() for path in (ERRORS / "passing").iterdir()}
LASTING = {path.stem: path.read_text() for path in (ERRORS / "lasting").iterdir()}


@pytest.fixture
def retry(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("retry", DEPLOY / "retry.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "WAIT_SECONDS", 0)
    monkeypatch.setattr(module, "TRIES", 4)
    return module


def failing(tmp_path: Path, *texts: str) -> list[str]:
    """A command that fails with each of these texts in turn, then succeeds; it notes its arguments."""
    (tmp_path / "failing.py").write_text(
        f"import pathlib, sys\ntexts = {texts!r}\nruns = pathlib.Path({str(tmp_path / 'runs')!r})\n"
        "past = runs.read_text().splitlines() if runs.exists() else []\n"
        "runs.write_text(''.join(f'{line}\\n' for line in [*past, ' '.join(sys.argv[1:])]))\n"
        "if len(past) < len(texts): sys.exit(print(texts[len(past)], file=sys.stderr) or 1)\n"
        "print('made')\n"
    )
    return [sys.executable, str(tmp_path / "failing.py"), "apply"]


@pytest.mark.parametrize(("what", "text"), PASSING.items(), ids=PASSING)
def test_what_passes_is_named(what: str, text: str, retry: ModuleType) -> None:
    (found,) = retry.awaited(text)
    assert what in found


@pytest.mark.parametrize("text", LASTING.values(), ids=LASTING)
def test_what_lasts_is_not_waited_for(text: str, retry: ModuleType) -> None:
    assert retry.awaited(text) == []


def test_one_lasting_error_among_passing_ones_stops(retry: ModuleType) -> None:
    assert retry.awaited(PASSING["metrics"] + LASTING["quota"]) == []
    assert len(retry.awaited(PASSING["metrics"] + PASSING["key"])) == 2


def test_it_goes_on_until_it_succeeds_and_says_what_it_waits_for(
    retry: ModuleType, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    command = failing(tmp_path, PASSING["Eventarc"], PASSING["metrics"])
    assert retry.main(["--again=-auto-approve", "--", *command]) == 0
    assert (tmp_path / "runs").read_text().splitlines() == ["apply", *["apply -auto-approve"] * 2]
    shown = capfdbinary.readouterr()
    assert b"Cannot find metric" in shown.out
    assert b"made" in shown.out
    assert b"waiting 0 s for Eventarc's agent and its role; 3 more tries" in shown.err


def test_it_gives_up_after_so_many_tries(retry: ModuleType, tmp_path: Path) -> None:
    assert retry.main(["--", *failing(tmp_path, *[PASSING["metrics"]] * 9)]) == 1
    assert len((tmp_path / "runs").read_text().splitlines()) == 4


def test_it_does_not_repeat_what_lasts(retry: ModuleType, tmp_path: Path) -> None:
    assert retry.main(["--", *failing(tmp_path, LASTING["quota"])]) == 1
    assert len((tmp_path / "runs").read_text().splitlines()) == 1


def test_all_tries_together_outlast_what_is_documented(retry: ModuleType) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import retry; print(retry.TRIES * retry.WAIT_SECONDS)"],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert int(done.stdout) > 600  # "up to 10 minutes" for a metric
