/* proto_read, proto_text, proto_linked, proto_each_tagged: .proto source and descriptors, as clients of the registry
 * send them. What is printed parses again and prints the same; what links, links again as printed, to the same. First
 * byte: even: the rest is source; odd: the rest is a FileDescriptorProto, not in base64. Corpus:
 * fuzz/corpus/proto_schema. */
#include "base/text.h"
#include "registry/schema/proto.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char leaf[] = "syntax=\"proto3\"; package l; message Leaf { string s = 1; }";

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

static buf_t new_buf(void) {
    buf_t b;
    buf_init(&b, (size_t)1 << 22, "fuzz", false);
    return b;
}

static void ignore(void *user, const char *path, const char *type, const char *const *tags, size_t n) {
    (void)user;
    must(path[0] != '\0' && type != NULL && n > 0 && tags[0] != NULL);
}

static bool link_to(bytes_t wire, buf_t *out) {
    const proto_file_t files[] = {{"leaf.proto", leaf, sizeof leaf - 1}};
    return proto_linked(wire, files, 1, PROTO_SETTLED, out, NULL) == SCHLOSS_OK;
}

static void check(bytes_t wire) {
    buf_t text = new_buf(), again = new_buf(), linked = new_buf(), relinked = new_buf(), plain = new_buf();
    bool links = link_to(wire, &linked);
    if (proto_text(wire, &text, NULL) == SCHLOSS_OK) {
        must(text.len > LIMIT_PROTO_BYTES || proto_read(buf_cstr(&text), text.len, &again, NULL) == SCHLOSS_OK);
        if (links && link_to(buf_view(&again), &relinked)) {
            (void)proto_each_tagged(buf_view(&linked), ignore, NULL, NULL);
        }
        (void)proto_print(wire, true, &plain, NULL);
    }
    buf_clear(&text);
    buf_clear(&again);
    buf_clear(&linked);
    buf_clear(&relinked);
    buf_clear(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 8192) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    char *encoded = NULL;
    if (data[0] % 2 != 0) {
        encoded = malloc(B64_LEN(len) + 1);
        must(encoded != NULL);
        len = b64_encode((uint8_t *)encoded, data + 1, size - 1);
        text = encoded;
    }
    buf_t wire = new_buf();
    if (proto_read(text, len, &wire, NULL) == SCHLOSS_OK) {
        check(buf_view(&wire));
    }
    buf_clear(&wire);
    free(encoded);
    return 0;
}
