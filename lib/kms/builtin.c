/* The drivers that are linked in. cmake/Libraries.cmake defines SCHLOSS_KMS_<NAME> for those of this build, and
 * SCHLOSS_KMS_MODULES for libschloss.so, which links none but the local one. */
#include "kms/builtin.h"

const kms_driver_t *const kms_builtin[] = {
    &kms_local,
#ifdef SCHLOSS_KMS_AWS
    &kms_aws,
#endif
#ifdef SCHLOSS_KMS_AZURE
    &kms_azure,
#endif
#ifdef SCHLOSS_KMS_GCP
    &kms_gcp,
#endif
#ifdef SCHLOSS_KMS_VAULT
    &kms_vault,
#endif
#ifdef SCHLOSS_KMS_KMIP
    &kms_kmip,
#endif
#ifdef SCHLOSS_KMS_PKCS11
    &kms_pkcs11,
#endif
    NULL,
};

#ifdef SCHLOSS_KMS_MODULES
const bool kms_loads_modules = true;
#else
const bool kms_loads_modules = false;
#endif
