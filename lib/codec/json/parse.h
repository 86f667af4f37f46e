/* Shared by the files that make a JSON schema: documents, their resources ($id) and anchors, nodes by place. */
#ifndef CODEC_JSON_PARSE_H
#define CODEC_JSON_PARSE_H

#include "base/map.h"
#include "codec/json/model.h"

/* A schema resource: what a URI without fragment names, and what JSON pointers begin at. */
typedef struct json_resource {
    const char *uri;
    const json_t *root;
} json_resource_t;

typedef struct json_parser {
    json_schema_t *s;
    map_t *by_uri;    /* URI -> json_resource_t */
    map_t *by_root;   /* json_t * -> json_resource_t */
    map_t *by_anchor; /* URI # name -> json_t */
    map_t *by_json;   /* json_t * -> json_node_t */
    schloss_error_t *err;
} json_parser_t;

/* Makes the resources and anchors of a document known. uri: its name among the references, "" for the schema itself. */
SCHLOSS_NODISCARD schloss_rc json_index_document(json_parser_t *p, const json_t *doc, const char *uri);
/* Finds what the reference ref of node from means. @return SCHEMA_PARSE (leads nowhere), NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc json_resolve(json_parser_t *p, const json_node_t *from, const char *ref,
                                          const json_t **target, const json_resource_t **base);
/* The resource that begins at v, or dflt. */
const json_resource_t *json_resource_at(const json_parser_t *p, const json_t *v, const json_resource_t *dflt);

/* Fills a node from its JSON; new nodes are appended to s->nodes. */
SCHLOSS_NODISCARD schloss_rc json_fill_node(json_parser_t *p, json_node_t *n);
/* The node for a schema; made when it is new. key: arena text, where below parent. */
SCHLOSS_NODISCARD schloss_rc json_node_for(json_parser_t *p, const json_t *v, const json_resource_t *base,
                                           const json_node_t *parent, const char *key, json_node_t **out);
/* Fills the keywords that only the validator reads. */
SCHLOSS_NODISCARD schloss_rc json_fill_checks(json_parser_t *p, json_node_t *n);

static inline bytes_t json_ptr_key(const json_t *const *v) {
    return bytes(v, sizeof *v);
}

#endif
