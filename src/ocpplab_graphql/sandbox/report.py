"""
The report of a CPO in Markdown. It holds Token A in clear: a secret, never cached, never logged.

Source: gateway contract, C6.
"""

from collections.abc import Mapping
from typing import Any

from ocpplab_graphql.sandbox.store import versions_url

__all__ = ["cpo_report"]


def cpo_report(cpo: Mapping[str, Any]) -> str:
    """The report of a CPO's row."""
    expires = cpo["expires_at"] or "never"
    versions = versions_url(cpo["ocpi_version"])
    return f"""# CPO {cpo["id"]}: {cpo["name_prefix"]}

| | |
| --- | --- |
| Party | {cpo["country_code"]}/{cpo["party_id"]} ({cpo["role"]}) |
| Template | {cpo["template"]} v{cpo["template_version"]} |
| Created | {cpo["created_at"]} |
| Self-destruction | {expires} |

## Topology

| Locations | Chargers | EVSEs | Connectors |
| ---: | ---: | ---: | ---: |
| {cpo["location_count"]} | {cpo["charger_count"]} | {cpo["evse_count"]} | {cpo["connector_count"]} |

## Roaming

Versions URL: {versions}

Token A: `{cpo["token_a"]}`

Register with it once; the credentials exchange replaces it.

```sh
curl -H 'Authorization: Token {cpo["token_a"]}' {versions}
```
"""
