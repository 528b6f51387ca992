float_like_fields: set[str]
