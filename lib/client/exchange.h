/* One call of a registry: building the request, checking status and members of the answer. Internal to this room.
 *
 * Every error about an answer names method, URL (without query) and member, and carries HTTP status and error_code. */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "client/registry.h"

#define DEKS_BASE "/dek-registry/v1/keks"

typedef struct sr_exchange {
    const char *method;
    buf_t path, body;
    bool sensitive;
    io_answer_t answer;
} sr_exchange_t;

/* ---- request.c ---- */
void exchange_init(sr_exchange_t *x, const char *method, bool sensitive);
void exchange_clear(sr_exchange_t *x);
/* Appends text as it is, and one percent-encoded path segment or query value. */
void path_text(sr_exchange_t *x, const char *text);
void path_value(sr_exchange_t *x, const char *value);
void path_value_n(sr_exchange_t *x, const char *value, size_t n);
void path_bool(sr_exchange_t *x, const char *prefix, bool value);
void path_int(sr_exchange_t *x, const char *prefix, int32_t value);
/* "name":"value" members of the body, with the comma where one is due. */
void body_str(sr_exchange_t *x, const char *name, const char *value);
void body_int(sr_exchange_t *x, const char *name, int32_t value);
/* Asks. @return 0 for a 2xx answer, ABSENT for 404, NEED_IO, NEED_WAIT, the codes of registry.h */
SCHLOSS_NODISCARD schloss_rc exchange_run(sr_exchange_t *x, io_t *io, const http_service_t *svc, schloss_error_t *err);
/* Makes the io forget the exchange. @return NO_MEMORY when its path could not be built: then nothing is forgotten */
SCHLOSS_NODISCARD schloss_rc exchange_forget(sr_exchange_t *x, io_t *io, schloss_error_t *err);
/* Context of a subject (".ctx"), len 0 for the default one. Borrowed. */
bytes_t context_of(const char *subject);
bool subject_is_qualified(const char *subject);

/* ---- answer.c ---- */
/* Maps the status of x->answer. */
SCHLOSS_NODISCARD schloss_rc answer_status(const sr_exchange_t *x, schloss_error_t *err);
/* Fills REGISTRY_ANSWER: "answer of GET <url>: <text>". */
schloss_rc answer_bad(const sr_exchange_t *x, schloss_error_t *err, const char *fmt, ...) SCHLOSS_PRINTF(3, 4);
/* Parses the body; kind is what it must be. For answers without secrets. */
SCHLOSS_NODISCARD schloss_rc answer_load(const sr_exchange_t *x, json_type kind, json_t **out, schloss_error_t *err);
/* Members of an object; *out keeps its value when an optional member is absent or null. Strings are borrowed. */
SCHLOSS_NODISCARD schloss_rc answer_str(const sr_exchange_t *x, const json_t *o, const char *name, bool required,
                                        const char **out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc answer_int(const sr_exchange_t *x, const json_t *o, const char *name, bool required,
                                        int64_t min, int64_t max, int64_t *out, schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc answer_bool(const sr_exchange_t *x, const json_t *o, const char *name, bool *out,
                                         schloss_error_t *err);
/* New reference to an object member; *out stays NULL when absent or null. */
SCHLOSS_NODISCARD schloss_rc answer_object(const sr_exchange_t *x, const json_t *o, const char *name, json_t **out,
                                           schloss_error_t *err);
SCHLOSS_NODISCARD schloss_rc copy_str(char **out, const char *s, schloss_error_t *err);

#endif
