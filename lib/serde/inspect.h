/* What is encrypted in a record, told without any key. */
#ifndef SERDE_INSPECT_H
#define SERDE_INSPECT_H

#include "serde/view.h"

SCHLOSS_NODISCARD schloss_rc inspect_record(const view_t *v, bytes_t payload,
                                            bool (*each)(void *user, const schloss_field_info_t *info), void *user,
                                            schloss_error_t *err);

#endif
