/* A KMIP profile: the settings kmip.<profile>.* of the client, found by the first part of a key id PROFILE/UID. */
#ifndef KMS_KMIP_PROFILE_H
#define KMS_KMIP_PROFILE_H

#include "kms/kmip/message.h"
#include "kms/kms.h"

#define KMIP_PROFILE_MAX 64u
#define KMIP_UID_MAX 255u
#define KMIP_MINOR_MAX 4u

typedef struct kmip_profile {
    char name[KMIP_PROFILE_MAX + 1];
    const char *uid; /* rest of the key id */
    char url[320];   /* kmips://host:port */
    const char *server_name, *username, *password;
    uint32_t minors;           /* bit m: 1.m may be spoken */
    const http_service_t *svc; /* TLS settings, time limits */
} kmip_profile_t;

/* Strings are borrowed from key. @return KMS_CONF, NO_MEMORY, LIMIT_EXCEEDED */
SCHLOSS_NODISCARD schloss_rc kmip_profile_read(kmip_profile_t *out, const kms_key_t *key, schloss_error_t *err);

#endif
