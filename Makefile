# `make test` runs everything there is to run on this machine, `make demo` starts a desk to try the app on.
# Nothing needs to be installed first but Python 3.10 or later (and, for tests on a real site, a bench with ERPNext).
#
#   BENCH                  the bench to use (default ~/frappe-bench)
#   AR_WRITEOFF_TEST_SITE  the test site's name (default ar-writeoff-test.localhost)
#   AR_WRITEOFF_TEST_APPS  more apps of the bench for the test site, e.g. "hrms india_compliance"
#   DB_ROOT_USER, DB_ROOT_PASSWORD   MariaDB's root, needed to make a site (default root, empty)
#   ARGS                   more arguments for pytest, e.g. ARGS="-k preview -x"

PYTHONS := python3 python3.14 python3.13 python3.12 python3.11 python3.10 python
PYTHON ?= $(firstword $(foreach p,$(PYTHONS),$(shell $(p) -c 'import sys; print("$(p)") if sys.version_info >= (3, 10) else None' 2>/dev/null)))

export ARGS

.DEFAULT_GOAL := help
TARGETS := test lint format translations docs unit package page names mutants site e2e faults bench link demo demo-stop demo-reset example clean
.PHONY: help $(TARGETS)

help:
	@echo "make test        lint, unit tests, the page in the browser, and where a bench is found the real site and desk"
	@echo "make demo        a desk with believable data to try the app on; Ctrl-C ends it (DETACH=1: stays)"
	@echo "                 (where no bench is found: the review in the browser, on a sample export)"
	@echo "make demo-stop   end a detached demo;  make demo-reset   begin the demo anew"
	@echo "make lint | format | translations | docs | unit | package | page | names | site | e2e | link | example | clean     the parts"
	@echo "make faults | bench | mutants     long: the fault campaign, the benchmarks, mutation tests of the rules"

ifeq ($(PYTHON),)
$(TARGETS):
	@echo "No Python 3.10 or later found on the PATH. Please install one."; exit 1
else
$(TARGETS):
	@$(PYTHON) -m tools.make $@
endif
