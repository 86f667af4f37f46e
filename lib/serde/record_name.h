/* The record's name, after which subjects may be named (spec client-encryption 5.7): full name of an Avro type, title
 * of a JSON Schema, full name of a Protobuf message. */
#ifndef SERDE_RECORD_NAME_H
#define SERDE_RECORD_NAME_H

#include "serde/handle.h"

/* Of a fetched schema. want says which Protobuf message. *name is mem_free'd by the caller; NULL: it has none.
 * @return 0, SCHEMA_PARSE, BAD_MESSAGE_INDEX, limits, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc record_name_of(const sr_schema_t *sr, const view_want_t *want, char **name,
                                            schloss_error_t *err);
/* Of the schema that the application gave; NULL when it gave none, or one whose name depends on references. */
SCHLOSS_NODISCARD schloss_rc record_name_given(const handle_t *h, char **name, schloss_error_t *err);

#endif
