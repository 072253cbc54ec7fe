"""Tables that are missing are made, whatever is wrong with the contract of another feed."""

import pytest
from support.cloud import Cloud

from cbi import IngestionPipeline
from cbi.errors import Misconfigured
from cbi.ops.init import initialise


@pytest.mark.usefixtures("broken_contract")
def test_a_broken_contract_is_named_after_the_other_tables_are_made(
    cloud: Cloud, pipeline: IngestionPipeline
) -> None:
    broken = r"\(1 of them new\):\ncbi/feeds/broken\.yaml:5: schema\[0\]\.type is 'NUMBER'; it must be one of"
    with pytest.raises(Misconfigured, match=broken):
        initialise(pipeline.settings)
    assert [table.table_id for table in cloud.bigquery.list_tables("broken_contract")] == ["spare"]
