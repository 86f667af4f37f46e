"""Azure Key Vault."""
from .._builtin import BuiltIn

__all__ = ["AzureKmsDriver"]


class AzureKmsDriver(BuiltIn):
    """Built into libschloss."""
