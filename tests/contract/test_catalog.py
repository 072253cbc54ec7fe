"""The contracts there are, and one that is broken among them."""

from pathlib import Path

import pytest
from support.contracts import write_contract

from cbi.contract import catalog
from cbi.errors import InvalidFile, Misconfigured, Reason

SOUND = "{table: a.b, key: [id], schema: [{name: id, type: INT64, mode: REQUIRED}]}"


@pytest.fixture
def feeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of three feeds, the second of which has a contract that is not sound."""
    files = [write_contract(tmp_path, SOUND, f"catalog_{name}") for name in ("a", "b", "c")]
    files[1].write_text(SOUND.replace("INT64", "NUMBER"))
    monkeypatch.setattr(catalog, "_FEEDS", files[0].parent)
    return files[0].parent


def test_an_unknown_feed_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        catalog.load_feed("../regimes")


@pytest.mark.usefixtures("feeds")
def test_a_broken_contract_is_told_beside_the_sound_ones() -> None:
    sound, errors = catalog.load_feeds()
    assert [feed.name for feed in sound] == ["catalog_a", "catalog_c"]
    assert [str(error).partition(";")[0] for error in errors] == [
        "cbi/feeds/catalog_b.yaml:1: schema[0].type is 'NUMBER'"
    ]


@pytest.mark.usefixtures("feeds")
def test_a_file_of_the_broken_feed_waits_for_its_contract_to_be_fixed() -> None:
    with pytest.raises(Misconfigured, match=r"catalog_b\.yaml:1"):
        catalog.load_staged_feed("catalog_b")


def test_a_contract_that_was_broken_is_read_again(feeds: Path) -> None:
    (feeds / "catalog_b.yaml").write_text(SOUND)
    assert catalog.load_feed("catalog_b").table == "a.b"


@pytest.mark.usefixtures("feeds")
def test_a_file_in_a_folder_of_no_feed_is_told_which_there_are() -> None:
    with pytest.raises(InvalidFile, match="one of catalog_a, catalog_b, catalog_c") as raised:
        catalog.load_staged_feed("other")
    assert raised.value.reason == Reason.UNKNOWN_FEED


def test_the_contract_of_every_table_is_sound() -> None:
    tables = {"ops.ingestion_runs", "training.regime_calendar", "training.regime_weights"}
    assert {table.table for table in catalog.other_tables()} == tables
