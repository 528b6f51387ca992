"""A worker as a bench has it, with the points of patches.py in it. Arguments are those of Frappe's command line."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
	runpy.run_path(str(HERE / "patches.py"))["install"]()
	sys.argv[0] = str(HERE.parents[1] / "tools" / "frappe_cli.py")
	runpy.run_path(sys.argv[0], run_name="__main__")
