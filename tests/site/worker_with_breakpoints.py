"""A bench worker with the breakpoints of breakpoints.py. Arguments are those of Frappe's command line."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
	runpy.run_path(str(HERE / "breakpoints.py"))["install"]()
	sys.argv[0] = str(HERE.parents[1] / "tools" / "frappe_cli.py")
	runpy.run_path(sys.argv[0], run_name="__main__")
