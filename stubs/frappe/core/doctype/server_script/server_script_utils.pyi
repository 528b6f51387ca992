EVENT_MAP: dict[str, str]
