/* The key id of kmsType pkcs11: a pkcs11: URI of RFC 7512 that names one secret key on one token.
 *
 * The key id comes from the registry. So it may neither carry a PIN, nor say where one lies, nor choose the module that
 * is loaded: module-path and module-name are compared with the module that the client has configured. */
#ifndef KMS_PKCS11_URI_H
#define KMS_PKCS11_URI_H

#include "base/buf.h"

#define P11_VALUE_MAX 256u

typedef struct p11_value {
    bool set;
    size_t len;
    uint8_t bytes[P11_VALUE_MAX]; /* decoded */
} p11_value_t;

typedef struct p11_uri {
    p11_value_t token, serial, manufacturer, model; /* of the token */
    p11_value_t slot_description, slot_manufacturer;
    p11_value_t object, id; /* of the key; at least one is set */
    p11_value_t module_path, module_name;
    bool has_slot_id;
    unsigned long slot_id;
} p11_uri_t;

/* NULL, or what is wrong with it (a text that does not repeat its values). */
const char *p11_uri_read(p11_uri_t *out, const char *text);
/* Is the module that the URI asks for, if any, the one at path? */
bool p11_uri_allows_module(const p11_uri_t *u, const char *path);
/* Compares a value with a blank-padded field of Cryptoki. A value that is not set fits. */
bool p11_value_fits(const p11_value_t *v, const void *field, size_t len);

#endif
