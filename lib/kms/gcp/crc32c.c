/* CRC-32C, bit by bit: keys are short. */
#include "kms/gcp/gcp.h"

#define POLYNOMIAL 0x82f63b78u /* 0x1EDC6F41 with its bits in reverse */

static uint32_t step(uint32_t v) {
    for (int i = 0; i < 8; i++) {
        v = (v & 1) != 0 ? (v >> 1) ^ POLYNOMIAL : v >> 1;
    }
    return v;
}

uint32_t gcp_crc32c(bytes_t data) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < data.len; i++) {
        crc = (crc >> 8) ^ step((crc ^ data.ptr[i]) & 0xff);
    }
    return ~crc;
}
