/* Keywords of JSON Schema (drafts 4 to 2020-12) and what they mean to a choice, in one table: docs/json-schema.md is
 * made from it. A keyword that is not in the table, or is REFUSED, makes a choice that holds covered fields an error:
 * the branch could not be told. */
#ifndef CODEC_JSON_KEYWORDS_H
#define CODEC_JSON_KEYWORDS_H

/* X(keyword, class, what is done with it under oneOf/anyOf).
 * ASSERT: checked. ANNOTATION: no effect on validity. REFUSED: an error under a choice. */
#define JSON_KEYWORDS(X)                                                                                               \
    X("$ref", ASSERT, "followed; checked together with the keywords beside it")                                        \
    X("allOf", ASSERT, "every sub-schema")                                                                             \
    X("anyOf", ASSERT, "at least one sub-schema")                                                                      \
    X("oneOf", ASSERT, "exactly one sub-schema")                                                                       \
    X("not", ASSERT, "the sub-schema must not hold")                                                                   \
    X("if", ASSERT, "with then and else")                                                                              \
    X("then", ASSERT, "when if holds")                                                                                 \
    X("else", ASSERT, "when if does not hold")                                                                         \
    X("type", ASSERT, "one type or a list; a number without a fraction is an integer")                                 \
    X("enum", ASSERT, "numbers are compared by value, objects without regard to order")                                \
    X("const", ASSERT, "as enum with one value")                                                                       \
    X("properties", ASSERT, "")                                                                                        \
    X("patternProperties", ASSERT, "PCRE2 with limits")                                                                \
    X("additionalProperties", ASSERT, "")                                                                              \
    X("propertyNames", ASSERT, "")                                                                                     \
    X("required", ASSERT, "")                                                                                          \
    X("minProperties", ASSERT, "")                                                                                     \
    X("maxProperties", ASSERT, "")                                                                                     \
    X("dependencies", ASSERT, "both forms")                                                                            \
    X("dependentRequired", ASSERT, "")                                                                                 \
    X("dependentSchemas", ASSERT, "")                                                                                  \
    X("items", ASSERT, "one schema, or a list as prefixItems")                                                         \
    X("prefixItems", ASSERT, "")                                                                                       \
    X("additionalItems", ASSERT, "")                                                                                   \
    X("contains", ASSERT, "with minContains and maxContains")                                                          \
    X("minContains", ASSERT, "")                                                                                       \
    X("maxContains", ASSERT, "")                                                                                       \
    X("minItems", ASSERT, "")                                                                                          \
    X("maxItems", ASSERT, "")                                                                                          \
    X("uniqueItems", ASSERT, "")                                                                                       \
    X("minLength", ASSERT, "code points")                                                                              \
    X("maxLength", ASSERT, "code points")                                                                              \
    X("pattern", ASSERT, "PCRE2 with limits; \\d, \\w and \\s are ASCII, as in ECMA-262")                              \
    X("minimum", ASSERT, "")                                                                                           \
    X("maximum", ASSERT, "")                                                                                           \
    X("exclusiveMinimum", ASSERT, "number, or draft 4's boolean")                                                      \
    X("exclusiveMaximum", ASSERT, "number, or draft 4's boolean")                                                      \
    X("multipleOf", ASSERT, "exact in decimal up to 27 digits")                                                        \
    X("format", ANNOTATION, "never checked")                                                                           \
    X("$schema", ANNOTATION, "")                                                                                       \
    X("$id", ANNOTATION, "base of references")                                                                         \
    X("id", ANNOTATION, "draft 4: base of references")                                                                 \
    X("$anchor", ANNOTATION, "target of references")                                                                   \
    X("$dynamicAnchor", ANNOTATION, "target of references")                                                            \
    X("$recursiveAnchor", ANNOTATION, "")                                                                              \
    X("$vocabulary", ANNOTATION, "")                                                                                   \
    X("$comment", ANNOTATION, "")                                                                                      \
    X("$defs", ANNOTATION, "")                                                                                         \
    X("definitions", ANNOTATION, "")                                                                                   \
    X("title", ANNOTATION, "")                                                                                         \
    X("description", ANNOTATION, "")                                                                                   \
    X("default", ANNOTATION, "")                                                                                       \
    X("examples", ANNOTATION, "")                                                                                      \
    X("example", ANNOTATION, "")                                                                                       \
    X("readOnly", ANNOTATION, "")                                                                                      \
    X("writeOnly", ANNOTATION, "")                                                                                     \
    X("deprecated", ANNOTATION, "")                                                                                    \
    X("contentEncoding", ANNOTATION, "")                                                                               \
    X("contentMediaType", ANNOTATION, "")                                                                              \
    X("contentSchema", ANNOTATION, "")                                                                                 \
    X("javaType", ANNOTATION, "")                                                                                      \
    X("existingJavaType", ANNOTATION, "")                                                                              \
    X("javaInterfaces", ANNOTATION, "")                                                                                \
    X("propertyOrder", ANNOTATION, "")                                                                                 \
    X("$dynamicRef", REFUSED, "followed like $ref by the walk")                                                        \
    X("$recursiveRef", REFUSED, "followed like $ref by the walk")                                                      \
    X("unevaluatedProperties", REFUSED, "")                                                                            \
    X("unevaluatedItems", REFUSED, "")

/* Names that begin like this are annotations, too. */
#define JSON_ANNOTATION_PREFIXES                                                                                       \
    { "confluent:", "connect.", "x-" }

#endif
