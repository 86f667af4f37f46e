"""Google Cloud KMS."""
from .._builtin import BuiltIn

__all__ = ["GcpKmsDriver"]


class GcpKmsDriver(BuiltIn):
    """Built into libschloss."""
