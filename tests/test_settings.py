"""The environment, read once: defaults for what is not set, and plain words for what is wrong."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from cbi.errors import Misconfigured
from cbi.settings import LocalSettings, Settings, on_cloud_run, tracing_endpoint

ROOT = Path(__file__).parents[1]
NUMBERS = [each.name for each in fields(Settings) if isinstance(each.default, int | float)]


def test_nothing_needs_to_be_set_to_read_the_settings() -> None:
    assert Settings.from_environment({}) == Settings()


def test_what_is_set_is_taken() -> None:
    environment = {
        "STAGING_BUCKET": "in",
        "OUTPUT_BUCKET": "out",
        "GOOGLE_CLOUD_PROJECT": "desk",
        "BIGQUERY_LOCATION": "EU",
        "REGIME_TTL_SECONDS": "0.5",
        "FUNCTION_TIMEOUT_SECONDS": "60",
        "PATH": "/bin",
    }
    settings = Settings.from_environment(environment)
    assert (settings.require_staging_bucket(), settings.require_output_bucket()) == ("in", "out")
    assert (settings.google_cloud_project, settings.bigquery_location) == ("desk", "EU")
    assert (settings.regime_ttl_seconds, settings.function_timeout_seconds) == (0.5, 60)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    environment = {each.name.upper(): "" for each in fields(Settings)}
    assert Settings.from_environment(environment) == Settings()


def test_an_unknown_way_to_enrich_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match="ENRICH_STRATEGY is 'join': it must be auto, splice, rewrite"):
        Settings.from_environment({"ENRICH_STRATEGY": "join"})


def test_a_variable_that_has_another_name_now_is_refused_with_that() -> None:
    with pytest.raises(Misconfigured, match="ENRICH_WAY is called ENRICH_STRATEGY now; rename the variable"):
        Settings.from_environment({"ENRICH_WAY": "rewrite"})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["an hour", "0", "-1", "nan"])
def test_a_number_that_is_none_is_refused_by_name_and_value(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name.upper()} is '{value}'"):
        Settings.from_environment({name.upper(): value})


def test_a_bucket_that_is_needed_but_not_set_is_named() -> None:
    with pytest.raises(Misconfigured, match="STAGING_BUCKET is not set"):
        Settings().require_staging_bucket()
    with pytest.raises(Misconfigured, match="OUTPUT_BUCKET is not set"):
        Settings().require_output_bucket()


# The one sets a default before anything is imported, the other hands its own environment on to its children.
NO_READERS = {"main.py", "cbi/local/processes.py"}


def test_no_other_module_reads_the_environment() -> None:
    paths = [ROOT / "main.py", *ROOT.glob("cbi/**/*.py")]
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    found = {name for name, text in sources.items() if re.search(r"\benviron\b|\bgetenv\b", text)}
    assert found == {"cbi/settings.py", *NO_READERS}
    used = re.findall(r"os\.environ.*", sources["main.py"])
    assert used == ['os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")']


def test_what_is_set_of_the_local_stack_is_taken() -> None:
    assert LocalSettings.from_environment({"CBI_LOCAL_LOAD_SECONDS": "0.5"}) == LocalSettings(0.5)
    with pytest.raises(Misconfigured, match="CBI_LOCAL_LOADS_PER_TABLE_PER_DAY is 'all'"):
        LocalSettings.from_environment({"CBI_LOCAL_LOADS_PER_TABLE_PER_DAY": "all"})


def test_what_is_read_apart_is_read_from_its_variable() -> None:
    assert not on_cloud_run({})
    assert on_cloud_run({"K_SERVICE": "ingest"})
    assert tracing_endpoint({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}) is None
    assert tracing_endpoint({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}) == "http://x"
