/* Filling error objects. Five macros are enough: TRY, TRY_TO, ENSURE, FAIL, and err_wrap for context.
 *
 * FAIL(err, CODE, "fmt", ...) fills err (which may be NULL) and evaluates to the code, so that `return FAIL(...)` reads
 * well. Filling allocates nothing; texts are cut on a UTF-8 boundary, control characters replaced by '?'. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <schloss/error.h>
#include <stdarg.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

struct schloss_error {
    schloss_rc code;
    int http_status;
    int rest_code;
    bool retriable_set, retriable; /* overrides the flag of the code's table row */
    char message[512];
    char hint[256];
    char subject[256];
    char field[256];
    char kek[256];
    char rule[128];
    char url[256];
};

/* Fills code and message, clears everything else. Returns code. */
schloss_rc err_set(schloss_error_t *err, schloss_rc code, const char *fmt, ...) SCHLOSS_PRINTF(3, 4);
schloss_rc err_vset(schloss_error_t *err, schloss_rc code, const char *fmt, va_list ap) SCHLOSS_PRINTF(3, 0);
/* Puts "context: " before the message that is already there. */
void err_wrap(schloss_error_t *err, const char *fmt, ...) SCHLOSS_PRINTF(2, 3);
void err_hint(schloss_error_t *err, const char *fmt, ...) SCHLOSS_PRINTF(2, 3);
/* Context; a value that is already set stays (the inner layer knows better). NULL arguments are ignored. */
void err_subject(schloss_error_t *err, const char *subject);
void err_field(schloss_error_t *err, const char *field);
void err_kek(schloss_error_t *err, const char *kek);
void err_rule(schloss_error_t *err, const char *rule);
void err_url(schloss_error_t *err, const char *url); /* userinfo and query are cut out */
void err_http(schloss_error_t *err, int status, int rest_code);
void err_retriable(schloss_error_t *err, bool retriable);
/* Copies src into dst (either may be NULL). */
void err_copy(schloss_error_t *dst, const schloss_error_t *src);
/* Copies untrusted remote text into dst[cap] with control characters replaced, cut on a UTF-8 boundary. */
void err_clean_text(char *dst, size_t cap, const char *src, size_t len);

/* Lets compilers and analysers see that FAIL is never 0. */
static inline schloss_rc err_never_ok(schloss_rc set, schloss_rc code) {
    (void)set;
    return code;
}

#define FAIL(err, NAME, ...) err_never_ok(err_set((err), SCHLOSS_E_##NAME, __VA_ARGS__), SCHLOSS_E_##NAME)

#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        schloss_rc try_rc_ = (expr);                                                                                   \
        if (try_rc_ != SCHLOSS_OK) {                                                                                   \
            return try_rc_;                                                                                            \
        }                                                                                                              \
    } while (0)

/* rc must be a variable in scope; jumps to label when it is not 0. */
#define TRY_TO(label, rc, expr)                                                                                        \
    do {                                                                                                               \
        (rc) = (expr);                                                                                                 \
        if ((rc) != SCHLOSS_OK) {                                                                                      \
            goto label;                                                                                                \
        }                                                                                                              \
    } while (0)

#define ENSURE(cond, err, NAME, ...)                                                                                   \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            return FAIL(err, NAME, __VA_ARGS__);                                                                       \
        }                                                                                                              \
    } while (0)

#define NO_MEMORY(err) FAIL(err, NO_MEMORY, "out of memory")

#pragma GCC visibility pop

#endif
