"""Every reason has its words, and the words ask for no fact that is not given."""

import string

from ar_writeoff.core import reasons, texts
from ar_writeoff.core.reasons import Reason

CODES = {value for name, value in vars(reasons).items() if name.isupper()}


def test_every_reason_has_a_sentence() -> None:
	assert set(texts.MESSAGES) == CODES


def test_labels_belong_to_reasons() -> None:
	assert set(texts.LABELS) <= CODES


def test_sentences_end_as_sentences_and_name_their_facts() -> None:
	for code, text in texts.MESSAGES.items():
		assert text.endswith((".", "?")), code
		facts = {field: "X" for _text, field, *_rest in string.Formatter().parse(text) if field}
		assert "{" not in texts.message(Reason.of(code, **facts)), code
