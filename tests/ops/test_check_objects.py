"""Objects are checked where they lie, by URI, folder or pattern, and nothing is loaded of them."""

import json
from datetime import date

import pytest
from support.cloud import Cloud
from support.command_line import cbi
from support.tables import to_parquet

from cbi.clients import storage_client
from cbi.errors import InvalidInput
from cbi.gcs.store import ObjectStore
from cbi.local.sample import sample_table
from cbi.ops.check_objects import check_objects, find_objects
from cbi.settings import Settings

LAST = date(2025, 6, 30)


@pytest.fixture
def store(cloud: Cloud) -> ObjectStore:
    """The output bucket's store, with files that no event is about: one can be loaded, one cannot."""
    bucket = cloud.storage.bucket(cloud.output_bucket)
    for name, rows in (("checked/a.parquet", 5), ("checked/deep/b.parquet", 0)):
        bucket.blob(name).upload_from_string(to_parquet(sample_table(5, LAST).slice(0, rows)))
    bucket.blob("checked/notes.txt").upload_from_string(b"")
    return ObjectStore(storage_client(Settings.from_environment(cloud.environment)))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("checked/a.parquet", ["a.parquet"]),
        ("checked/", ["a.parquet", "deep/b.parquet"]),
        ("checked/**", ["a.parquet", "deep/b.parquet"]),
        ("checked/*", ["a.parquet"]),
        ("checked/**/?.parquet", ["a.parquet", "deep/b.parquet"]),
        ("checked/*/b.p*", ["deep/b.parquet"]),
        ("checked/a", []),
    ],
)
def test_names_and_patterns_find_parquet_objects(
    cloud: Cloud, store: ObjectStore, pattern: str, names: list[str]
) -> None:
    found = find_objects(store, cloud.output_bucket, pattern)
    assert [file.name.removeprefix("checked/") for file in found] == names


def test_each_is_told_by_its_uri(cloud: Cloud, store: ObjectStore) -> None:
    found = dict(check_objects(store, f"gs://{cloud.output_bucket}/checked/**"))
    assert {uri.rpartition("/")[2]: verdict.reason for uri, verdict in found.items()} == {
        "a.parquet": None,
        "b.parquet": "empty_file",
    }
    with pytest.raises(InvalidInput, match="names no parquet object"):
        list(check_objects(store, f"gs://{cloud.output_bucket}/nothing/**"))


def test_the_command_prints_all_and_fails_for_one(cloud: Cloud, store: ObjectStore) -> None:
    done = cbi("check", f"gs://{cloud.output_bucket}/checked/**", environment=cloud.environment)
    assert done.returncode == 1
    printed = json.loads(done.stdout)
    assert [(each["file"].rpartition("/")[2], each["status"]) for each in printed] == [
        ("a.parquet", "success"),
        ("b.parquet", "failed"),
    ]
