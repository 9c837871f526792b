"""A test that serves nothing: the plugin leaves it alone."""


def test_nothing_to_serve():
    """Python can add."""
    assert 1 + 1 == 2
