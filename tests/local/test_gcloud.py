"""gcloud on the local storage, as a desk uses it; where it is installed."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from support.cloud import Cloud
from support.tables import to_parquet

from cbi.local.sample import sample_table
from cbi.local.stack import Stack

GCLOUD = shutil.which("gcloud")

pytestmark = pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed")

Run = Callable[..., str]


@pytest.fixture
def gcloud(untriggered: Stack, tmp_path: Path) -> Run:
    environment = {
        **os.environ,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{untriggered.storage}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": untriggered.project,
        "CLOUDSDK_CONFIG": str(tmp_path / "config"),
    }

    def run(*arguments: str) -> str:
        command = ["gcloud", "storage", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_files_are_copied_listed_moved_and_synchronised(
    gcloud: Run, untriggered: Stack, tmp_path: Path
) -> None:
    cloud = Cloud.of_stack(untriggered)
    content = to_parquet(sample_table(5, date(2026, 11, 20)))
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a file.parquet").write_bytes(content)
    bucket = f"gs://{untriggered.staging_bucket}"
    gcloud("cp", f"{folder}/a file.parquet", f"{bucket}/gcloud/")
    assert f"{bucket}/gcloud/a file.parquet" in gcloud("ls", f"{bucket}/gcloud/")
    gcloud("mv", f"{bucket}/gcloud/a file.parquet", f"{bucket}/gcloud/moved.parquet")
    blobs = list(cloud.storage.list_blobs(untriggered.staging_bucket, prefix="gcloud/"))
    assert [blob.name for blob in blobs] == ["gcloud/moved.parquet"]
    assert blobs[0].download_as_bytes() == content
    gcloud("rsync", str(folder), f"{bucket}/gcloud")
    blobs = list(cloud.storage.list_blobs(untriggered.staging_bucket, prefix="gcloud/"))
    assert [blob.name for blob in blobs] == ["gcloud/a file.parquet", "gcloud/moved.parquet"]
