float_like_fields: set[str]
no_value_fields: tuple[str, ...]
