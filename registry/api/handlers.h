/* Handlers of the Schema Registry, one per route of registry/routes.c. */
#ifndef REGISTRY_API_HANDLERS_H
#define REGISTRY_API_HANDLERS_H

#include "registry/api/data.h"

#define HANDLER(name) rest_rc name(void *service, request_t *rq, db_t *db)

/* root.c */
HANDLER(api_root);
HANDLER(api_metadata_id);
HANDLER(api_metadata_version);
HANDLER(api_metadata_deployment);
HANDLER(api_contexts);
HANDLER(api_context_delete);
HANDLER(api_metrics);
HANDLER(api_live);
HANDLER(api_ready);
/* schemas.c */
HANDLER(api_schemas);
HANDLER(api_schema_types);
HANDLER(api_schema_by_id);
HANDLER(api_schema_text_by_id);
HANDLER(api_subjects_by_id);
HANDLER(api_versions_by_id);
HANDLER(api_schema_by_guid);
HANDLER(api_ids_by_guid);
/* subjects.c */
HANDLER(api_subjects);
HANDLER(api_lookup);
HANDLER(api_subject_metadata);
HANDLER(api_versions);
HANDLER(api_version);
HANDLER(api_version_text);
HANDLER(api_referenced_by);
/* register.c, remove.c */
HANDLER(api_register);
HANDLER(api_subject_delete);
HANDLER(api_version_delete);
/* config.c, mode.c */
HANDLER(api_config_get);
HANDLER(api_config_put);
HANDLER(api_config_delete);
HANDLER(api_mode_get);
HANDLER(api_mode_put);
HANDLER(api_mode_delete);
/* compatibility.c */
HANDLER(api_compatibility);
HANDLER(api_compatibility_version);
/* associations.c */
HANDLER(api_associations_by_subject);
HANDLER(api_associations_by_id);
HANDLER(api_associations_by_name);
HANDLER(api_association_create);
HANDLER(api_association_upsert);
HANDLER(api_association_delete);

#endif
