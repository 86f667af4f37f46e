/* Answers of a KMIP server: any bytes. What is read lies inside the message. A message that passes ttlv_check() is
 * walked whole; the readers of every operation look at it. */
#include "kms/kmip/message.h"

#include <stdlib.h>

static void inside(bytes_t msg, bytes_t view) {
    if (view.len != 0 && (view.ptr < msg.ptr || view.ptr + view.len > msg.ptr + msg.len)) {
        abort();
    }
}

static size_t walk(bytes_t msg, bytes_t children, size_t depth) {
    size_t n = 0;
    ttlv_t t;
    cur_t c = cur_of(children);
    if (depth > TTLV_DEPTH) {
        abort();
    }
    while (ttlv_next(&c, &t)) {
        inside(msg, t.value);
        (void)ttlv_u32(&t);
        n += 1 + (t.type == TTLV_STRUCTURE ? walk(msg, t.value, depth + 1) : 0);
    }
    if (cur_left(&c) != 0) { /* checked bytes leave nothing over */
        abort();
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum kmip_operation ops[] = {KMIP_DISCOVER_VERSIONS, KMIP_GET_ATTRIBUTES, KMIP_ENCRYPT, KMIP_DECRYPT,
                                              KMIP_GET};
    bytes_t msg = bytes(data, size);
    bool whole = ttlv_check(msg) == NULL;
    if (whole && walk(msg, msg, 0) == 0) {
        abort();
    }
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        kmip_reply_t r;
        if (kmip_reply_read(&r, msg, ops[i]) != NULL) {
            continue;
        }
        if (!whole) {
            abort();
        }
        uint32_t minors = 0;
        bool newer = false;
        kmip_attributes_t attributes;
        kmip_crypted_t crypted;
        bytes_t key = {0};
        inside(msg, r.payload);
        (void)kmip_versions_read(r.payload, &minors, &newer);
        (void)kmip_uid_is(r.payload, "77");
        kmip_attributes_read(&attributes, r.payload);
        kmip_crypted_read(&crypted, r.payload);
        inside(msg, crypted.data);
        inside(msg, crypted.iv);
        inside(msg, crypted.tag);
        if (kmip_key_read(r.payload, &key)) {
            inside(msg, key);
        }
    }
    return 0;
}
