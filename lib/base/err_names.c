/* What the table of error codes says about a code: name, category, text, retriable. */
#include "base/err.h"
#include <schloss/version.h>

enum { FLAG_0 = 0, FLAG_R = 1, FLAG_C = 2 };

typedef struct row {
    schloss_rc code;
    int flags;
    const char *name, *category, *text;
} row_t;

#define ROW(name, value, category, flags, text) {(value), FLAG_##flags, #name, #category, text},
static const row_t rows[] = {
    {SCHLOSS_OK, FLAG_0, "OK", "SUCCESS", "The call did what was asked."},
    {SCHLOSS_NEED_KEY, FLAG_0, "NEED_KEY", "OUTCOME", "A schema or key is not in memory: prepare, then call again."},
    {SCHLOSS_NEED_IO, FLAG_0, "NEED_IO", "OUTCOME", "A prepare step wants an HTTP request performed."},
    {SCHLOSS_NEED_WAIT, FLAG_0, "NEED_WAIT", "OUTCOME", "A prepare step wants to be called again later."},
    {SCHLOSS_ABSENT, FLAG_0, "ABSENT", "OUTCOME", "What was looked for does not exist."},
    SCHLOSS_ERROR_CODES(ROW)};
#undef ROW

static const row_t unknown = {0, FLAG_0, "UNKNOWN", "UNKNOWN",
                              "A code that this version of the library does not know."};

static const row_t *find(schloss_rc rc) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == rc) {
            return &rows[i];
        }
    }
    return &unknown;
}

const char *schloss_rc_name(schloss_rc rc) {
    return find(rc)->name;
}

const char *schloss_rc_text(schloss_rc rc) {
    return find(rc)->text;
}

const char *schloss_rc_category(schloss_rc rc) {
    return find(rc)->category;
}

bool schloss_error_is_retriable(const schloss_error_t *err) {
    if (err == NULL) {
        return false;
    }
    return err->retriable_set ? err->retriable : (find(err->code)->flags & FLAG_R) != 0;
}

#define STRING_OF(x) #x
#define VERSION_TEXT(major, minor, patch) STRING_OF(major) "." STRING_OF(minor) "." STRING_OF(patch)

const char *schloss_version(void) {
    return VERSION_TEXT(SCHLOSS_VERSION_MAJOR, SCHLOSS_VERSION_MINOR, SCHLOSS_VERSION_PATCH);
}
