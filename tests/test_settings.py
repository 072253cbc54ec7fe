"""The environment, read once: defaults for what is not set, and plain words for what is wrong."""

from dataclasses import fields

import pytest

from cbi.errors import Misconfigured
from cbi.settings import Settings

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
