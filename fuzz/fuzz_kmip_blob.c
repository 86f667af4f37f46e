/* Wrapped keys of the KMIP driver: any bytes. What is read writes the same bytes again, and is opened or refused by any
 * key without a byte out of place. */
#include "kms/kmip/blob.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t key[32] = {7};
    kmip_blob_t b;
    if (kmip_blob_read(&b, bytes(data, size)) != NULL) {
        return 0;
    }
    buf_t again;
    buf_init(&again, 4096, "fuzz", false);
    kmip_blob_write(&again, &b);
    if (again.failed || again.len != size || memcmp(again.ptr, data, size) != 0) {
        abort();
    }
    buf_clear(&again);
    uint8_t *out = mem_alloc(b.data.len); /* of exactly the size that is promised */
    size_t n = 0;
    if (out != NULL && kmip_local_open(out, &n, bytes(key, sizeof key), &b, NULL) == SCHLOSS_OK && n > b.data.len) {
        abort();
    }
    mem_free(out);
    return 0;
}
