"""Remove the field Write-Off Key of Journal Entry: the name of an entry has the same value."""

from ar_writeoff.uninstall import remove_custom_field


def execute() -> None:
	remove_custom_field("Journal Entry", "ar_writeoff_key")
