/* Subject name strategies (spec client-encryption 5.7). */
#ifndef SERDE_SUBJECT_H
#define SERDE_SUBJECT_H

#include "serde/core.h"

void subject_cached_free(void *value);

/* Does the strategy for keys / values need the record's name? Then it cannot be asked before the schema is known. */
bool subject_needs_record(const schloss_conf_t *conf, bool is_key);
/* The strategy's name, with its fallback: what a cached subject depends on. Static, or borrowed from conf. */
const char *subject_strategy(const schloss_conf_t *conf, bool is_key);

/* Subject of a topic, mem_free it. record: full name of the root record; NULL when unknown. generation: of the client
 * when the prepare began; what an invalidation has overtaken is not cached.
 * @return 0, NEED_IO, NEED_WAIT, SUBJECT_NAME, registry and I/O errors */
SCHLOSS_NODISCARD schloss_rc subject_resolve(core_t *c, const schloss_conf_t *conf, const char *topic, bool is_key,
                                             const char *record, uint32_t generation, io_t *io, char **out,
                                             schloss_error_t *err);

#endif
