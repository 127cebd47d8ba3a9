"""`python -m ocpplab_graphql.sandbox`: the sandbox alone."""

from ocpplab_graphql.sandbox.command import sandbox

sandbox(prog_name="sandbox")
