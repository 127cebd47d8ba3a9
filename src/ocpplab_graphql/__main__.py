"""`python -m ocpplab_graphql` is the command `ocpplab-graphql`."""

from ocpplab_graphql.cli import main

main()
