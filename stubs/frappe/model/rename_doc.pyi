def rename_doc(
	doctype: str | None = ...,
	old: str | None = ...,
	new: str | None = ...,
	force: bool = ...,
	merge: bool = ...,
	ignore_permissions: bool = ...,
	ignore_if_exists: bool = ...,
	show_alert: bool = ...,
	rebuild_search: bool = ...,
) -> str: ...
