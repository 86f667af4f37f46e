/* The counters and their names. */
#include "base/metrics.h"
#include <schloss/serde.h>
#include <stddef.h>
#include <string.h>

metrics_t metrics;

typedef struct row {
    const char *name, *text;
    const _Atomic uint64_t *value;
} row_t;

#define ROW(name, text) {#name, text, &metrics.name},
static const row_t rows[] = {METRICS(ROW)};
#undef ROW

uint64_t metrics_get(const char *name) {
    for (size_t i = 0; name != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return atomic_load_explicit(rows[i].value, memory_order_relaxed);
        }
    }
    return 0;
}

const char *metrics_name(unsigned i, const char **text) {
    if (i >= sizeof rows / sizeof rows[0]) {
        return NULL;
    }
    if (text != NULL) {
        *text = rows[i].text;
    }
    return rows[i].name;
}

uint64_t schloss_metric_get(const char *name) {
    return metrics_get(name);
}
