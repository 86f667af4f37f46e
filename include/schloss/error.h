/* Errors of libschloss.
 *
 * Every fallible function returns schloss_rc: 0 is success, negative is an error of error_codes.h, positive is an
 * expected outcome that is not an error (SCHLOSS_NEED_KEY ...). The last parameter is a schloss_error_t that the caller
 * made once and reuses; NULL when only the code matters. Outputs are untouched on failure. An error object never holds
 * plaintext or key bytes. Filling one allocates nothing.
 *
 * Threads: an error object is used by one thread at a time. Since 0.1. */
#ifndef SCHLOSS_ERROR_H
#define SCHLOSS_ERROR_H

#include <schloss/error_codes.h>
#include <schloss/export.h>

SCHLOSS_BEGIN_DECLS

typedef int32_t schloss_rc;

enum {
    SCHLOSS_OK = 0,
    /** Execute met a schema or key that is not in memory: prepare, then call again. Nothing was written. */
    SCHLOSS_NEED_KEY = 1,
    /** A prepare step wants an HTTP request performed. */
    SCHLOSS_NEED_IO = 2,
    /** A prepare step wants to be called again later (back-off, or another thread fetches the same thing). */
    SCHLOSS_NEED_WAIT = 3,
    /** What was looked for does not exist, and that is not an error. */
    SCHLOSS_ABSENT = 4,
};

#define SCHLOSS_X_ENUM(name, value, category, flags, text) SCHLOSS_E_##name = (value),
enum { SCHLOSS_ERROR_CODES(SCHLOSS_X_ENUM) };
#undef SCHLOSS_X_ENUM

typedef struct schloss_error schloss_error_t;

/** New, empty error object; NULL when memory is out. Owned by the caller. */
SCHLOSS_API schloss_error_t *schloss_error_new(void);
/** Frees err; NULL is fine. */
SCHLOSS_API void schloss_error_free(schloss_error_t *err);
/** Empties err for reuse. Calls that fail do this themselves. */
SCHLOSS_API void schloss_error_clear(schloss_error_t *err);

/** What failed. Strings are borrowed, valid until err is filled again, and never NULL ("" when unknown).
 * @return schloss_error_code(): the code that the call returned, 0 when err is empty */
SCHLOSS_API schloss_rc schloss_error_code(const schloss_error_t *err);
SCHLOSS_API const char *schloss_error_message(const schloss_error_t *err); /**< what failed, one sentence */
SCHLOSS_API const char *schloss_error_hint(const schloss_error_t *err);    /**< what to do, one sentence */
SCHLOSS_API const char *schloss_error_subject(const schloss_error_t *err); /**< subject of the schema */
SCHLOSS_API const char *schloss_error_field(const schloss_error_t *err);   /**< full name of the field */
SCHLOSS_API const char *schloss_error_kek(const schloss_error_t *err);     /**< name of the KEK */
SCHLOSS_API const char *schloss_error_rule(const schloss_error_t *err);    /**< name of the rule */
SCHLOSS_API const char *schloss_error_url(const schloss_error_t *err);     /**< of the request that failed */
SCHLOSS_API int schloss_error_http_status(const schloss_error_t *err);     /**< 0 when no HTTP answer was involved */
SCHLOSS_API int schloss_error_rest_code(const schloss_error_t *err);     /**< error_code of a registry's answer, or 0 */
SCHLOSS_API bool schloss_error_is_retriable(const schloss_error_t *err); /**< the same call may succeed later */

/** Name of the code rc, e.g. "AUTH_FAILED"; "OK" and "NEED_KEY" too; "UNKNOWN" for others. Static. Thread-safe. */
SCHLOSS_API const char *schloss_rc_name(schloss_rc rc);
/** One line of documentation of the code rc. Static. Thread-safe. */
SCHLOSS_API const char *schloss_rc_text(schloss_rc rc);
/** Category of the code rc: "USAGE", "RESOURCE", "IO", ... Static. Thread-safe. */
SCHLOSS_API const char *schloss_rc_category(schloss_rc rc);

SCHLOSS_END_DECLS

#endif
