"""Where the packaged till starts: the same command line as `python -m pos_app`."""

import sys

from pos_app.__main__ import main

sys.exit(main())
