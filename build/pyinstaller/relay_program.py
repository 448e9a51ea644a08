"""Where the packaged relay starts: the same command line as `python -m relay`."""

import sys

from relay.__main__ import main

sys.exit(main())
