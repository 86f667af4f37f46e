/* Every limit of the library, with its default. Exceeding one is LIMIT_EXCEEDED naming it. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_RECORD_BYTES ((size_t)128 * 1024 * 1024)  /* schloss.limit.record.bytes: one record in or out */
#define LIMIT_RECORD_DEPTH 128u                         /* nesting of a record (recursive schemas) */
#define LIMIT_RECORD_ITEMS ((uint64_t)1024 * 1024)      /* items of zero-byte types in arrays of one record */
#define LIMIT_SCHEMA_BYTES ((size_t)8 * 1024 * 1024)    /* text of one schema */
#define LIMIT_SCHEMA_DEPTH 256u                         /* nesting of a schema text */
#define LIMIT_SCHEMA_TYPES 65536u                       /* types in one schema with its references */
#define LIMIT_SCHEMA_MEMORY ((size_t)256 * 1024 * 1024) /* model of one schema */
#define LIMIT_SCHEMA_REFS 1000u                         /* references of one schema, transitive */
#define LIMIT_JSON_DEPTH 512u
#define LIMIT_JSON_BYTES ((size_t)128 * 1024 * 1024)
#define LIMIT_RULES 64u /* rules of one rule set */
#define LIMIT_RULE_TAGS 256u
#define LIMIT_HTTP_BODY ((size_t)32 * 1024 * 1024)   /* one answer of a registry or KMS */
#define LIMIT_WRAPPED_DEK 65536u                     /* wrapped DEK, decoded */
#define LIMIT_PREPARE_REQUESTS 1100u                 /* requests of one prepare */
#define LIMIT_SECRET_BYTES ((size_t)4 * 1024 * 1024) /* secret memory of the process */
#define LIMIT_HEADERS 1024u                          /* Kafka headers of one record looked at */

#define LIMIT_PLAN_NODES 65536u                        /* JSON: places of a schema that a rule's paths tell apart */
#define LIMIT_PLAN_ACTIVE 1024u                        /* JSON: sub-schemas that apply to one value and its parents */
#define LIMIT_CHOICE_STEPS ((uint64_t)4 * 1000 * 1000) /* JSON: checks of one record for its choices */
#define LIMIT_REGEX_BYTES 16384u                       /* one pattern */
#define LIMIT_REGEX_STEPS 50000u                       /* of one match */
#define LIMIT_REGEX_DEPTH 20000u                       /* of backtracking */
#define LIMIT_REGEX_HEAP_KIB 8192u                     /* of one match, per thread */

#endif
