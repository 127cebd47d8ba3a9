"""A GraphQL facade for the OCPPLAB Gateway."""

__version__ = "0.1.0"
