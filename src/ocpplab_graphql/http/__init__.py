"""HTTP in. Starlette lives here."""
