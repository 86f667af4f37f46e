/* One call of the registry's REST API after another, for the verbs that manage keys and schemas. */
#ifndef CLI_REST_H
#define CLI_REST_H

#include "base/buf.h"
#include "cli/settings.h"
#include "http/io.h"
#include <jansson.h>
#include <schloss/client.h>

typedef struct rest {
    schloss_client_t *client; /* for its connections and credentials */
    uint32_t timeout_s;
} rest_t;

/* Turns the refresh thread off in s: nothing is cached here. */
SCHLOSS_NODISCARD schloss_rc rest_open(rest_t *r, const settings_t *s, schloss_error_t *err);
/* The same where no registry is asked: none need be given. */
SCHLOSS_NODISCARD schloss_rc rest_open_without(rest_t *r, const settings_t *s, schloss_error_t *err);
void rest_close(rest_t *r);

/* Runs logic (http/io.h) with the client's connections, within the time limit. */
SCHLOSS_NODISCARD schloss_rc rest_run(rest_t *r, schloss_rc (*logic)(void *arg, io_t *io, schloss_error_t *err),
                                      void *arg, schloss_error_t *err);

/* A path is built up in a buf: rest_path(&b, "/subjects/%/versions/%", (const char *[]){subject, version}) puts each
 * value percent-encoded where a % stands. */
void rest_path(buf_t *b, const char *pattern, const char *const *values);

/* Performs one call. body may be NULL. *out (may be NULL) gets the parsed answer, or stays NULL when there is none.
 * keyMaterial is blanked before it is parsed. Errors carry HTTP status, error_code and a hint.
 * @return 0, the codes of client/registry.h; a 404 is SCHEMA_NOT_FOUND */
SCHLOSS_NODISCARD schloss_rc rest_ask(rest_t *r, const char *method, const char *path, const json_t *body, json_t **out,
                                      schloss_error_t *err);

#endif
