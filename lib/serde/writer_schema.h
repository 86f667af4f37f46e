/* Which schema a serializer writes with (spec client-encryption 5.4, in the order of the Java client). */
#ifndef SERDE_WRITER_SCHEMA_H
#define SERDE_WRITER_SCHEMA_H

#include "serde/handle.h"

typedef enum {
    WRITE_REGISTER, /* auto.register.schemas: the application's, registered */
    WRITE_ID,       /* use.schema.id */
    WRITE_GUID,     /* use.schema.guid */
    WRITE_METADATA, /* use.latest.with.metadata */
    WRITE_LATEST,   /* use.latest.version, and whoever gives no schema */
    WRITE_OWN,      /* the application's, looked up */
} write_by_t;

/* @return 0, CONF_VALUE (a schema is missing that this way needs) */
SCHLOSS_NODISCARD schloss_rc writer_by(const handle_t *h, write_by_t *out, schloss_error_t *err);
/* Key of the view in the client's cache; mem_free it. NULL: out of memory. */
char *writer_key(const handle_t *h, write_by_t by, const char *subject);
/* Asks the registry. ABSENT: it has none. */
SCHLOSS_NODISCARD schloss_rc writer_fetch(const handle_t *h, write_by_t by, const char *subject, io_t *io,
                                          sr_schema_t **out, schloss_error_t *err);
/* Records are bytes that the application has encoded: a schema from elsewhere must have the binary form of the
 * application's (id.compatibility.strict, latest.compatibility.strict; Avro, where the bytes name no fields).
 * @return 0, DATA_MISMATCH (where they differ), SCHEMA_PARSE, limits, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc writer_check(const handle_t *h, write_by_t by, const sr_schema_t *sr,
                                          schloss_error_t *err);

#endif
