/* The one object that a module exports. Compiled once per driver, with KMS_MODULE_DRIVER naming it. */
#include "kms/module.h"

#pragma GCC visibility push(default)
extern const kms_module_t schloss_kms_module;
const kms_module_t schloss_kms_module = KMS_MODULE_INIT(&KMS_MODULE_DRIVER);
#pragma GCC visibility pop
