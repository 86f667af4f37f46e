"""Keys on a KMIP server, for kmip_test.py; runs in the virtual environment of PyKMIP.

    kmip_keys.py CONFIG CLIENT VERB [UID]     CLIENT: a section of CONFIG
    VERB: create (AES-256, Encrypt and Decrypt), create128, verify-only, triple-des, rsa,
          activate, revoke, compromise, destroy"""
import os
import sys
import warnings

warnings.filterwarnings("ignore")
from kmip.core.enums import (CryptographicAlgorithm as Algorithm, CryptographicUsageMask as Mask,  # noqa: E402
                             RevocationReasonCode as Reason)
from kmip.pie.client import ProxyKmipClient  # noqa: E402
from kmip.pie.objects import SymmetricKey  # noqa: E402

config, who, verb = sys.argv[1:4]
uid = sys.argv[4] if len(sys.argv) > 4 else None
with ProxyKmipClient(config=who, config_file=config) as c:
    both = [Mask.ENCRYPT, Mask.DECRYPT]
    if verb == "create":
        print(c.create(Algorithm.AES, 256, cryptographic_usage_mask=both))
    elif verb == "create128":
        print(c.create(Algorithm.AES, 128, cryptographic_usage_mask=both))
    elif verb == "verify-only":
        print(c.register(SymmetricKey(Algorithm.AES, 256, os.urandom(32), masks=[Mask.MAC_GENERATE])))
    elif verb == "triple-des":
        print(c.register(SymmetricKey(Algorithm.TRIPLE_DES, 192, os.urandom(24), masks=both)))
    elif verb == "rsa":
        print(c.create_key_pair(Algorithm.RSA, 2048, public_usage_mask=both, private_usage_mask=both)[0])
    elif verb == "activate":
        c.activate(uid)
    elif verb == "revoke":
        c.revoke(Reason.CESSATION_OF_OPERATION, uid)
    elif verb == "compromise":
        c.revoke(Reason.KEY_COMPROMISE, uid)
    elif verb == "destroy":
        c.destroy(uid)
    else:
        sys.exit("no such verb: " + verb)
