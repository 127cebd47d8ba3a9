"""How much one field may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bounds on arguments, from the settings.

    Attributes:
        page_size_default: rows of a connection when neither `first` nor `last` is given.
        page_size_max: largest `first` or `last`.
        nodes_max: most ids in `nodes(ids:)`.
        bulk_items_max: most locations in one `bulkCreateLocations`.
    """

    page_size_default: int = 50
    page_size_max: int = 500
    nodes_max: int = 500
    bulk_items_max: int = 1000
