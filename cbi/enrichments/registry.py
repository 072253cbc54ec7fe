"""All enrichments, by the name that a feed's contract calls them. A new one is a file and a line here."""

from cbi.enrichments.enrichment import Enrichment
from cbi.enrichments.finalized_at import FINALIZED_AT
from cbi.enrichments.regime import REGIME
from cbi.enrichments.run_id import RUN_ID
from cbi.enrichments.unknown_columns import UNKNOWN_COLUMNS
from cbi.enrichments.weight import WEIGHT

ENRICHMENTS: dict[str, Enrichment] = {
    enrichment.name: enrichment
    for enrichment in (
        REGIME,
        WEIGHT,
        FINALIZED_AT,
        RUN_ID,
        UNKNOWN_COLUMNS,
    )
}
