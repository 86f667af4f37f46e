/* json_canonical: what is printed is JSON, prints the same again, and is the same value. Corpus: fuzz/corpus/json_text.
 */
#include "codec/json/load.h"
#include "registry/schema/json_text.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok) {
    if (!ok) {
        abort();
    }
}

static void once(json_span_t value, bool sorted, json_t *model) {
    buf_t a, b;
    json_span_t again;
    json_t *reread = NULL;
    buf_init(&a, (size_t)1 << 22, "fuzz", false);
    buf_init(&b, (size_t)1 << 22, "fuzz", false);
    if (json_canonical(value, sorted, &a, NULL) == SCHLOSS_OK) {
        must(json_scan(&again, (const char *)a.ptr, a.len, NULL) == SCHLOSS_OK);
        must(json_canonical(again, sorted, &b, NULL) == SCHLOSS_OK);
        must(a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0);
        if (model != NULL) {
            must(json_build(&reread, again, false, NULL) == SCHLOSS_OK);
            must(json_equal(model, reread) != 0);
            json_decref(reread);
        }
    }
    buf_clear(&a);
    buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_span_t value;
    json_t *model = NULL;
    if (size > 8192 || json_scan(&value, (const char *)data, size, NULL) != SCHLOSS_OK) {
        return 0;
    }
    bool exact = true; /* 1E0 becomes 1, which is another type to jansson */
    for (size_t i = 0; i < size; i++) {
        exact = exact && data[i] != '.' && data[i] != 'e' && data[i] != 'E';
    }
    if (exact) {
        (void)json_build(&model, value, false, NULL);
    }
    once(value, false, model);
    once(value, true, model);
    json_decref(model);
    return 0;
}
