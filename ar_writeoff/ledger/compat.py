"""The version of ERPNext this site runs, for the few places where the versions differ."""

import erpnext

VERSION = int(erpnext.__version__.split(".")[0])
IS_V16 = VERSION >= 16
