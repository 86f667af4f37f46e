/* The routes of the registry. Router, docs/registry.md and tests come from this table. */
#include "registry/api/handlers.h"
#include "registry/keys/handlers.h"

#define R ROUTE_READ
#define W ROUTE_WRITE
#define KEKS "/dek-registry/v1/keks"
#define DEKS KEKS "/{name}/deks"

const route_t registry_routes[] = {
    {"GET", "/schemas/ids/{id}", R, api_schema_by_id, "Schema by id."},
    {"GET", "/schemas/ids/{id}/schema", R, api_schema_text_by_id, "Bare schema text by id."},
    {"GET", "/schemas/ids/{id}/subjects", R, api_subjects_by_id, "Subjects that use an id."},
    {"GET", "/schemas/ids/{id}/versions", R, api_versions_by_id, "Subject and version pairs that use an id."},
    {"GET", "/schemas/guids/{guid}", R, api_schema_by_guid, "Schema by GUID."},
    {"GET", "/schemas/guids/{guid}/ids", R, api_ids_by_guid, "Contexts and ids of a GUID."},
    {"GET", "/schemas/types", 0, api_schema_types, "Schema types that can be registered."},
    {"GET", "/schemas", R, api_schemas, "All schemas, by prefix and filters."},

    {"GET", "/subjects", R, api_subjects, "Names of subjects."},
    {"POST", "/subjects/{subject}", R, api_lookup, "Which version of the subject is this schema?"},
    {"DELETE", "/subjects/{subject}", W, api_subject_delete, "Delete a subject, softly or for good."},
    {"GET", "/subjects/{subject}/metadata", R, api_subject_metadata, "Newest version with given properties."},
    {"GET", "/subjects/{subject}/versions", R, api_versions, "Version numbers of a subject."},
    {"POST", "/subjects/{subject}/versions", W, api_register, "Register a schema, metadata or a rule set."},
    {"GET", "/subjects/{subject}/versions/{version}", R, api_version, "One version; \"latest\" works."},
    {"DELETE", "/subjects/{subject}/versions/{version}", W, api_version_delete, "Delete one version."},
    {"GET", "/subjects/{subject}/versions/{version}/schema", R, api_version_text, "Bare schema text of a version."},
    {"GET", "/subjects/{subject}/versions/{version}/referencedby", R, api_referenced_by,
     "Ids that refer to a version."},

    {"GET", KEKS "/{name}", R, keys_kek_get, "One KEK."},
    {"GET", DEKS "/{subject}/versions/{version}", R | ROUTE_KEYS, keys_dek_version_get, "One version of a DEK."},
    {"GET", DEKS "/{subject}", R | ROUTE_KEYS, keys_dek_get, "Version 1 of a DEK."},
    {"POST", DEKS "/{subject}", W | ROUTE_KEYS, keys_dek_create_for_subject, "Create or rewrap a DEK."},
    {"POST", DEKS, W | ROUTE_KEYS, keys_dek_create, "Create a DEK, subject in the body."},
    {"GET", DEKS, R, keys_dek_subjects, "Subjects that have a DEK under a KEK."},
    {"GET", DEKS "/{subject}/versions", R, keys_dek_versions, "Version numbers of a DEK."},
    {"DELETE", DEKS "/{subject}", W, keys_dek_delete, "Delete all versions of a DEK."},
    {"DELETE", DEKS "/{subject}/versions/{version}", W, keys_dek_version_delete, "Delete one version of a DEK."},
    {"POST", DEKS "/{subject}/undelete", W, keys_dek_undelete, "Undelete all versions of a DEK."},
    {"POST", DEKS "/{subject}/versions/{version}/undelete", W, keys_dek_version_undelete, "Undelete one version."},
    {"GET", KEKS, R, keys_kek_list, "Names of KEKs."},
    {"POST", KEKS, W, keys_kek_create, "Create a KEK."},
    {"PUT", KEKS "/{name}", W, keys_kek_update, "Change kmsProps, doc or shared of a KEK."},
    {"DELETE", KEKS "/{name}", W, keys_kek_delete, "Delete a KEK, softly or for good."},
    {"POST", KEKS "/{name}/undelete", W, keys_kek_undelete, "Undelete a KEK."},
    {"POST", KEKS "/{name}/test", R, keys_kek_test, "Try the KMS of a shared KEK."},

    {"GET", "/config", R, api_config_get, "Global settings."},
    {"PUT", "/config", W, api_config_put, "Change global settings."},
    {"DELETE", "/config", W, api_config_delete, "Reset global settings."},
    {"GET", "/config/{subject}", R, api_config_get, "Settings of a subject or context."},
    {"PUT", "/config/{subject}", W, api_config_put, "Change settings of a subject or context."},
    {"DELETE", "/config/{subject}", W, api_config_delete, "Remove settings of a subject or context."},
    {"GET", "/mode", R, api_mode_get, "Global mode."},
    {"PUT", "/mode", W, api_mode_put, "Change the global mode."},
    {"DELETE", "/mode", W, api_mode_delete, "Reset the global mode."},
    {"GET", "/mode/{subject}", R, api_mode_get, "Mode of a subject or context."},
    {"PUT", "/mode/{subject}", W, api_mode_put, "Change the mode of a subject or context."},
    {"DELETE", "/mode/{subject}", W, api_mode_delete, "Remove the mode of a subject or context."},

    {"POST", "/compatibility/subjects/{subject}/versions", R, api_compatibility, "Would this schema be compatible?"},
    {"POST", "/compatibility/subjects/{subject}/versions/{version}", R, api_compatibility_version,
     "Would this schema be compatible with one version?"},

    {"GET", "/contexts", R, api_contexts, "Names of contexts."},
    {"DELETE", "/contexts/{context}", W, api_context_delete, "Remove an empty context."},

    {"GET", "/associations/subjects/{subject}", R, api_associations_by_subject, "Resources of a subject."},
    {"GET", "/associations/resources/{id}", R, api_associations_by_id, "Subjects of a resource, by its id."},
    {"GET", "/associations/resources/{namespace}/{name}", R, api_associations_by_name,
     "Subjects of a resource, by name."},
    {"POST", "/associations", W, api_association_create, "Bind subjects to a resource."},
    {"PUT", "/associations/resources/{id}", W, api_association_upsert, "Bind subjects to a resource, or change that."},
    {"DELETE", "/associations/resources/{id}", W, api_association_delete, "Unbind subjects from a resource."},

    {"GET", "/", 0, api_root, "An empty object."},
    {"POST", "/", 0, api_root, "An empty object."},
    {"GET", "/v1/metadata/id", 0, api_metadata_id, "Cluster id."},
    {"GET", "/v1/metadata/version", 0, api_metadata_version, "Version of the server."},
    {"GET", "/v1/metadata/deployment", 0, api_metadata_deployment, "Attributes of the deployment."},
    {"GET", "/metrics", R | ROUTE_PLAIN, api_metrics, "Metrics in the Prometheus text format."},
    {"GET", "/health/live", ROUTE_OPEN | ROUTE_PLAIN, api_live, "The process runs."},
    {"GET", "/health/ready", R | ROUTE_OPEN | ROUTE_PLAIN, api_ready, "The store can be read."},
};
const size_t registry_n_routes = sizeof registry_routes / sizeof registry_routes[0];
