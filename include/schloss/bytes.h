/* A borrowed run of bytes. */
#ifndef SCHLOSS_BYTES_H
#define SCHLOSS_BYTES_H

#include <schloss/export.h>

typedef struct {
    const uint8_t *ptr; /**< not owned; may be NULL when len is 0 */
    size_t len;
} schloss_bytes_t;

static inline schloss_bytes_t schloss_bytes(const void *ptr, size_t len) {
    schloss_bytes_t b = {(const uint8_t *)ptr, len};
    return b;
}

#endif
