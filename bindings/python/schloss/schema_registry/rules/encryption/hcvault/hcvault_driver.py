"""HashiCorp Vault and OpenBao."""
from .._builtin import BuiltIn

__all__ = ["HcVaultKmsDriver"]


class HcVaultKmsDriver(BuiltIn):
    """Built into libschloss."""
