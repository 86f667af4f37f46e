/* Vendor modules, loaded at first use and kept. */
#ifndef KMS_PKCS11_MODULE_H
#define KMS_PKCS11_MODULE_H

#include "base/err.h"
#include <p11-kit/pkcs11.h>

/* The functions of the module at path, initialised in this process (again in a forked child, as Cryptoki asks).
 * key_id is for messages. @return KMS_CONF, KMS_BUSY, NO_MEMORY. Thread-safe. */
SCHLOSS_NODISCARD schloss_rc p11_module(CK_FUNCTION_LIST **out, const char *path, const char *key_id,
                                        schloss_error_t *err);

#endif
