/* Prepare: fetch what the last execute lacked (h->need). */
#ifndef SERDE_PREPARE_H
#define SERDE_PREPARE_H

#include "serde/handle.h"
#include <schloss/ext/prepare.h>

/* Fetches the view of a subject's latest version again and extends or replaces the cached one (refresh thread).
 * generation: of the client when the fetch began. */
SCHLOSS_NODISCARD schloss_rc prepare_refresh_view(core_t *c, const view_t *old, uint32_t generation, io_t *io,
                                                  schloss_error_t *err);

#endif
