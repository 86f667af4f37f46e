/* What a Protobuf schema stands for, as a digest of its settled descriptor, and a memory of such digests: a
 * registration is compared with every version of its subject inside the one write transaction, and linking takes
 * libprotobuf up to a second for each. Thread-safe. */
#ifndef REGISTRY_SCHEMA_SETTLED_H
#define REGISTRY_SCHEMA_SETTLED_H

#include "registry/schema/proto.h"

#define SETTLED_LEN 32u

/* Name of what is remembered: text and references. false: OpenSSL failed, then nothing is remembered. */
bool settled_key(const char *text, const proto_file_t *files, size_t n_files, uint8_t key[SETTLED_LEN]);
bool settled_digest(bytes_t linked, uint8_t digest[SETTLED_LEN]);
/* *links: false when it is known not to link. @return is it remembered? */
bool settled_get(const uint8_t key[SETTLED_LEN], uint8_t digest[SETTLED_LEN], bool *links);
/* digest NULL: it does not link. */
void settled_put(const uint8_t key[SETTLED_LEN], const uint8_t *digest);

#endif
