"""`python -m mammo.jobs HOME ID`: run the work of a job."""

import sys

from mammo.jobs.running import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
