"""REST out: the OCPPLAB Gateway as we see it. The only place that does HTTP out."""
