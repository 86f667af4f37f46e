/* Every error that a REST answer can carry, in one table: HTTP status, error_code, text. docs/registry.md and a test
 * come from it. %s are filled in order with the arguments of rest_fail(). The first three digits of error_code are the
 * HTTP status: clients decide by either. */
#ifndef SERVER_REST_CODES_H
#define SERVER_REST_CODES_H

#define REST_CODES(X)                                                                                                  \
    X(BAD_REQUEST, 400, 400, "%s")                                                                                     \
    X(UNAUTHORIZED, 401, 401, "Unauthorized")                                                                          \
    X(NOT_FOUND, 404, 404, "HTTP 404 Not Found")                                                                       \
    X(METHOD, 405, 405, "HTTP 405 Method Not Allowed")                                                                 \
    X(NOT_ACCEPTABLE, 406, 406, "HTTP 406 Not Acceptable")                                                             \
    X(TOO_LARGE, 413, 413, "HTTP 413 Request Entity Too Large")                                                        \
    X(MEDIA_TYPE, 415, 415, "HTTP 415 Unsupported Media Type")                                                         \
    X(NO_BODY, 422, 422, "%s must not be null (was null)")                                                             \
    X(INTERNAL, 500, 500, "Internal Server Error")                                                                     \
    X(STOPPING, 503, 503, "The server is stopping")                                                                    \
    X(SUBJECT_NOT_FOUND, 404, 40401, "Subject '%s' not found.")                                                        \
    X(VERSION_NOT_FOUND, 404, 40402, "Version %s not found.")                                                          \
    X(SCHEMA_NOT_FOUND, 404, 40403, "Schema not found")                                                                \
    X(SCHEMA_ID_NOT_FOUND, 404, 40403, "Schema %s not found")                                                          \
    X(SUBJECT_SOFT_DELETED, 404, 40404, "Subject '%s' was soft deleted.Set permanent=true to delete permanently")      \
    X(SUBJECT_NOT_SOFT_DELETED, 404, 40405, "Subject '%s' was not deleted first before being permanently deleted")     \
    X(VERSION_SOFT_DELETED, 404, 40406,                                                                                \
      "Subject '%s' Version %s was soft deleted.Set permanent=true to delete permanently")                             \
    X(VERSION_NOT_SOFT_DELETED, 404, 40407,                                                                            \
      "Subject '%s' Version %s was not deleted first before being permanently deleted")                                \
    X(NO_SUBJECT_CONFIG, 404, 40408, "Subject '%s' does not have subject-level compatibility configured")              \
    X(NO_SUBJECT_MODE, 404, 40409, "Subject '%s' does not have subject-level mode configured")                         \
    X(NO_ASSOCIATION, 404, 40410, "Association for '%s' not found.")                                                   \
    X(ASSOCIATION_EXISTS, 409, 40903, "An association of type '%s' already exists for resource '%s'")                  \
    X(SUBJECT_ASSOCIATED, 409, 40904, "An association already exists for subject '%s'")                                \
    X(SUBJECT_STRONG, 409, 40905, "A strong association already exists for subject '%s'")                              \
    X(NO_ACTIVE_VERSION, 409, 40907, "No active (non-deleted) version exists for subject '%s'")                        \
    X(ASSOCIATION_FROZEN, 409, 40908, "The association of type  '%s' is frozen for subject '%s'")                      \
    X(INVALID_SCHEMA, 422, 42201, "%s")                                                                                \
    X(INVALID_VERSION, 422, 42202,                                                                                     \
      "The specified version '%s' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "   \
      "\"latest\"")                                                                                                    \
    X(INVALID_LEVEL, 422, 42203,                                                                                       \
      "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, "             \
      "forward_transitive, and full_transitive")                                                                       \
    X(LEVEL_UNSUPPORTED, 422, 42203,                                                                                   \
      "Invalid compatibility level. This version of Schloss supports only NONE: it does not check compatibility yet, " \
      "and refuses level %s rather than accept it without effect")                                                     \
    X(INVALID_MODE, 422, 42204, "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.")             \
    X(FORWARD_GLOBAL, 422, 42204, "Forward mode only supported on global level")                                       \
    X(NOT_PERMITTED, 422, 42205, "%s")                                                                                 \
    X(REFERENCED, 422, 42206,                                                                                          \
      "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=%s,version=%s}.")                    \
    X(SUBJECT_REFERENCED, 422, 42206, "One or more references exist to the schema %s.")                                \
    X(INVALID_SUBJECT, 422, 42208, "The specified subject '%s' is not a valid.")                                       \
    X(INVALID_RULE_SET, 422, 42210, "%s")                                                                              \
    X(CONTEXT_NOT_EMPTY, 422, 42211, "The specified context '%s' is not empty.")                                       \
    X(INVALID_ASSOCIATION, 422, 42212, "The association specified an invalid value for property: '%s', detail: %s")    \
    X(STORE, 500, 50001, "The store failed: nothing was changed by this request")                                      \
    X(KEY_NOT_FOUND, 404, 40470, "Key '%s' not found")                                                                 \
    X(KEY_NOT_SOFT_DELETED, 404, 40471, "Key '%s' was not deleted first before being permanently deleted")             \
    X(KEY_UNDELETE_FIRST, 404, 40472, "Key '%s' must be undeleted first")                                              \
    X(KEY_EXISTS, 409, 40971, "Key '%s' already exists; use a different value")                                        \
    X(TOO_MANY_KEYS, 409, 40972, "A maximum of %s keys already exist")                                                 \
    X(KMS_DENIED, 403, 40370, "%s")                                                                                    \
    X(INVALID_KEY, 422, 42271, "Invalid or missing value for field '%s' of key")                                       \
    X(KEY_REFERENCED, 422, 42272, "One or more references exist to the key '%s'")                                      \
    X(KMS_FAILED, 500, 50070, "%s")

#define REST_X_ENUM(name, http, code, text) REST_##name,
typedef enum { REST_OK, REST_CODES(REST_X_ENUM) REST_N_CODES } rest_code_t;
#undef REST_X_ENUM

#endif
