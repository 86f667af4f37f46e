/* avro_schema_parse, strict and lenient, and the three printers. What is printed parses again and prints the same.
 * Corpus: fuzz/corpus/avro_schema. */
#include "codec/avro/schema.h"
#include "codec/avro/walk.h"
#include <stdlib.h>

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

static void reprint(const avro_schema_t *s, bool normalize) {
    buf_t a, b;
    buf_init(&a, 1 << 22, "fuzz", false);
    buf_init(&b, 1 << 22, "fuzz", false);
    if (avro_schema_print(s, normalize, &a, NULL) == SCHLOSS_OK) {
        avro_schema_t *again = NULL;
        must(avro_schema_parse(&again, (const char *)a.ptr, a.len, NULL, 0, 0, NULL) == SCHLOSS_OK);
        must(avro_schema_print(again, normalize, &b, NULL) == SCHLOSS_OK);
        must(a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0);
        avro_schema_free(again);
    }
    buf_clear(&a);
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 8192) {
        return 0;
    }
    static const char ref_text[] =
        "{\"type\":\"record\",\"name\":\"r.Ref\",\"fields\":[{\"name\":\"e\",\"type\":{\"type\":"
        "\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}}]}";
    static schloss_error_t err;
    avro_ref_t ref = {"r.Ref", ref_text, sizeof ref_text - 1};
    avro_schema_t *s = NULL, *strict = NULL;
    const char *text = (const char *)data;
    bool lenient = avro_schema_parse(&s, text, size, NULL, 0, 0, &err) == SCHLOSS_OK;
    bool is_strict = avro_schema_parse(&strict, text, size, NULL, 0, AVRO_PARSE_STRICT, &err) == SCHLOSS_OK;
    must(!is_strict || lenient);
    if (lenient) {
        reprint(s, false);
        reprint(s, true);
        (void)avro_check(bytes(data, size < 64 ? size : 64), avro_schema_root(s), NULL);
        must(avro_schema_memory(s) > 0);
    }
    avro_schema_free(s);
    avro_schema_free(strict);
    s = NULL;
    if (avro_schema_parse(&s, text, size, &ref, 1, 0, &err) == SCHLOSS_OK) {
        buf_t out;
        buf_init(&out, 1 << 22, "fuzz", false);
        (void)avro_schema_print(s, false, &out, NULL);
        buf_reset(&out);
        if (avro_schema_print_resolved(s, &out, NULL) == SCHLOSS_OK) {
            avro_schema_t *again = NULL; /* needs no reference any more */
            must(avro_schema_parse(&again, (const char *)out.ptr, out.len, NULL, 0, 0, NULL) == SCHLOSS_OK);
            avro_schema_free(again);
        }
        buf_clear(&out);
        avro_schema_free(s);
    }
    return 0;
}
