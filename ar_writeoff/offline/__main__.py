import sys

from ar_writeoff.offline.cli import main

sys.exit(main())
