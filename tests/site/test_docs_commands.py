"""The commands of the docs that need a bench, on a site of their own, in the order of an app's life."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.documents import ON_A_SITE
from tools.bench import Site


@pytest.mark.slow
def test_commands_on_a_site(another_site: Callable[[], Site]) -> None:
	site = another_site()
	for command in ON_A_SITE:
		_bench, *arguments = command.replace("SITE", site.name).split()
		if "uninstall-app" in arguments:
			arguments += ["--yes", "--no-backup"]  # bench asks otherwise
		site.bench.frappe(*arguments)
		apps = site.sql("SELECT defvalue FROM tabDefaultValue WHERE defkey = 'installed_apps'")
		assert ("ar_writeoff" in apps) == ("uninstall-app" not in arguments), command
