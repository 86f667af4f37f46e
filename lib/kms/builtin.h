/* Where drivers come from. Internal to this room. */
#ifndef KMS_BUILTIN_H
#define KMS_BUILTIN_H

#include "kms/kms.h"

/* builtin.c, which is compiled twice: for libschloss.so with the local driver only, else with all that the build
 * enables. NULL-terminated. */
extern const kms_driver_t *const kms_builtin[];
/* True in libschloss.so: other drivers are modules. What is linked statically has no library that they could use. */
extern const bool kms_loads_modules;

/* own.c: a driver that the application has registered, or NULL. */
const kms_driver_t *kms_own_find(const char *type);
/* The n-th type registered, or NULL. */
const char *kms_own_type(size_t n);

/* module.c: the driver of a module, loaded when it is not. NULL: why says the reason, "" when no module serves the
 * type. */
const kms_driver_t *kms_module_find(const char *type, char *why, size_t cap);
/* The n-th type whose module file is there (skipping others), or NULL at the end: *n is moved on. */
const char *kms_module_type(size_t *n);

#endif
