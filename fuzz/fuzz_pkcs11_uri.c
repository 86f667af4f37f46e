/* Key ids of the PKCS#11 driver: any text. What is read names a key, holds no longer value than Cryptoki can, and never
 * a PIN. */
#include "kms/pkcs11/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static p11_uri_t u;
    char *text = mem_strndup((const char *)data, size);
    if (text == NULL) {
        return 0;
    }
    if (p11_uri_read(&u, text) == NULL) {
        char *query = strchr(text, '?');
        if ((!u.object.set && !u.id.set) || u.token.len > 32 || u.serial.len > 16 || u.model.len > 16 ||
            (query != NULL && (strncmp(query, "?pin-", 5) == 0 || strstr(query, "&pin-") != NULL))) {
            abort();
        }
        if (query != NULL) {
            *query = '\0';
        }
        if (strstr(text, ";pin-") != NULL || strncmp(text + 6, ":pin-", 5) == 0) {
            abort();
        }
        (void)p11_uri_allows_module(&u, "/usr/lib/softhsm/libsofthsm2.so");
        (void)p11_value_fits(&u.token, "schloss                         ", 32);
    }
    mem_free(text);
    return 0;
}
