"""`python -m infra.cli`, as the embedded stack starts its roles."""

from infra.cli import main

main()
