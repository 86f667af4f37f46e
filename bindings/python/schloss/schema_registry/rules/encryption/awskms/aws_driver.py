"""AWS KMS."""
from .._builtin import BuiltIn

__all__ = ["AwsKmsDriver"]


class AwsKmsDriver(BuiltIn):
    """Built into libschloss."""
