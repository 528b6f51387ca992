"""Frappe's development web server for one site, on 127.0.0.1 only, without reloader and debugger.

cd BENCH/sites && ../env/bin/python .../tools/serve.py SITE PORT
"""

import os
import sys

if __name__ == "__main__":
	sys.path[0] = os.getcwd()

	import frappe.app
	import werkzeug.serving

	site, port = sys.argv[1:]
	run_simple = werkzeug.serving.run_simple

	def locally(host, port, application, **options):
		options.update(use_reloader=False, use_debugger=False, use_evalex=False, threaded=True)
		run_simple("127.0.0.1", port, application, **options)

	werkzeug.serving.run_simple = locally
	frappe.app.serve(port=int(port), no_reload=True, site=site, sites_path=".")
