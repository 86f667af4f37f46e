"""The local KMS: for tests."""
from .._builtin import BuiltIn

__all__ = ["LocalKmsDriver"]


class LocalKmsDriver(BuiltIn):
    """Built into libschloss."""
