"""The app's translations do not change those of ERPNext on the same site."""

from __future__ import annotations

import frappe
import pytest
from frappe.translate import get_translations_from_apps

# ERPNext's "Gesendet" is what one does with mail.
BETTER_THAN_THEIRS = {"Posted"}


@pytest.mark.skipif(
	frappe.__version__.split(".")[0] != "15", reason="v16 has other German words for some of these"
)
def test_german_says_what_erpnext_says():
	ours = get_translations_from_apps("de", ["ar_writeoff"])
	theirs = [get_translations_from_apps("de", [app]) for app in ("frappe", "erpnext")]
	assert len(ours) > 500 and all(len(one) > 1000 for one in theirs)
	said = {text: {one[text] for one in theirs if text in one} for text in ours}
	differs = {text: (ours[text], words) for text, words in said.items() if words and ours[text] not in words}
	assert set(differs) == BETTER_THAN_THEIRS, differs
