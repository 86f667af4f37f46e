/* What a module (libschloss-kms-<name>.so) shows to libschloss.so: one object of this type, named schloss_kms_module.
 * A module calls internals of the library, so it serves the very build that it was made with, and says which. */
#ifndef KMS_MODULE_H
#define KMS_MODULE_H

#include "kms/kms.h"
#include <schloss/version.h>

#define KMS_MODULE_SYMBOL "schloss_kms_module"
#define KMS_MODULE_MAGIC 0x5c410551u

typedef struct kms_module {
    uint32_t magic;
    uint32_t major, minor, patch;
    /* Sizes of what both sides share: a build with other sources or options is told apart here. */
    uint32_t key_size, driver_size, call_size, answer_size, service_size, buf_size, error_size;
    const kms_driver_t *driver;
} kms_module_t;

#define KMS_MODULE_INIT(d)                                                                                             \
    {                                                                                                                  \
        KMS_MODULE_MAGIC, SCHLOSS_VERSION_MAJOR, SCHLOSS_VERSION_MINOR, SCHLOSS_VERSION_PATCH,                         \
            (uint32_t)sizeof(kms_key_t), (uint32_t)sizeof(kms_driver_t), (uint32_t)sizeof(io_call_t),                  \
            (uint32_t)sizeof(io_answer_t), (uint32_t)sizeof(http_service_t), (uint32_t)sizeof(buf_t),                  \
            (uint32_t)sizeof(schloss_error_t), (d)                                                                     \
    }

#endif
