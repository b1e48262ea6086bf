"""`python -m tuner`, the same as the installed script `tuner`."""

from tuner.cli.main import main

main()
