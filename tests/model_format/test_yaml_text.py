"""What is written is YAML that says the same, whatever people call their columns."""

import string

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.model_format.yaml_text import dump

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["yes", "~", "1e3", "- a", "a: b", "#"])
)
CONTENT = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(), CONTENT, max_size=4))
def test_any_yaml_reader_reads_what_was_written(content: dict[str, object]) -> None:
    assert yaml.safe_load(dump(content)) == (content or None) or content == {}
