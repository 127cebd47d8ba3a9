"""The REST routes, a module per part of the contract."""
