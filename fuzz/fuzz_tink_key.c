/* Key messages from a KMS: any bytes, each algorithm. What is accepted must be a key of the right length inside the
 * message, and what tink_key_write makes of it must be accepted again. */
#include "crypto/tink.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const dek_alg_t algs[] = {DEK_AES128_GCM, DEK_AES256_GCM, DEK_AES256_SIV};
    for (size_t i = 0; i < COUNT_OF(algs); i++) {
        bytes_t raw = {NULL, 0}, again = {NULL, 0};
        struct schloss_error err;
        if (tink_key_parse(&raw, algs[i], bytes(data, size), &err) != SCHLOSS_OK) {
            if (err.code != SCHLOSS_E_BAD_KEY) {
                abort();
            }
            continue;
        }
        if (raw.len != dek_alg_key_len(algs[i]) || raw.ptr < data || raw.ptr + raw.len > data + size) {
            abort();
        }
        uint8_t out[TINK_MAX_LEN];
        size_t n = tink_key_write(out, algs[i], raw.ptr);
        if (tink_key_parse(&again, algs[i], bytes(out, n), NULL) != SCHLOSS_OK || again.len != raw.len ||
            memcmp(again.ptr, raw.ptr, raw.len) != 0) {
            abort();
        }
    }
    return 0;
}
