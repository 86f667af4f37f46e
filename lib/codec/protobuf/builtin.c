/* Files that everybody imports and nobody registers: google/protobuf/, google/type/, confluent/. Only what walking and
 * JSON need: names, numbers, types, presence. A reference of the same name takes precedence. */
#include "codec/protobuf/load.h"

typedef enum {
    ROW_END,
    ROW_MESSAGE,
    ROW_ENTRY, /* message of a map */
    ROW_ENUM,
    ROW_VALUE,  /* of the enum above */
    ROW_FIELD,  /* of the message above, no presence */
    ROW_OPT,    /* with presence */
    ROW_REP,    /* repeated */
    ROW_MEMBER, /* of the only oneof */
} row_kind_t;

typedef struct row {
    row_kind_t kind;
    const char *name;
    uint32_t number;
    const char *type; /* scalar, or full name after a dot */
} row_t;

#define M(name)                                                                                                        \
    { ROW_MESSAGE, name, 0, NULL }
#define E(name)                                                                                                        \
    { ROW_ENUM, name, 0, NULL }
#define V(number, name)                                                                                                \
    { ROW_VALUE, name, number, NULL }
#define F(number, type, name)                                                                                          \
    { ROW_FIELD, name, number, type }
#define O(number, type, name)                                                                                          \
    { ROW_OPT, name, number, type }
#define R(number, type, name)                                                                                          \
    { ROW_REP, name, number, type }
#define U(number, type, name)                                                                                          \
    { ROW_MEMBER, name, number, type }
#define END                                                                                                            \
    { ROW_END, NULL, 0, NULL }
#define GP "google.protobuf."
#define GT "google.type."

/* clang-format off */
static const row_t any[] = {M(GP "Any"), F(1, "string", "type_url"), F(2, "bytes", "value"), END};
static const row_t duration[] = {M(GP "Duration"), F(1, "int64", "seconds"), F(2, "int32", "nanos"), END};
static const row_t timestamp[] = {M(GP "Timestamp"), F(1, "int64", "seconds"), F(2, "int32", "nanos"), END};
static const row_t empty[] = {M(GP "Empty"), END};
static const row_t field_mask[] = {M(GP "FieldMask"), R(1, "string", "paths"), END};
static const row_t source_context[] = {M(GP "SourceContext"), F(1, "string", "file_name"), END};
static const row_t wrappers[] = {
    M(GP "DoubleValue"), F(1, "double", "value"), M(GP "FloatValue"), F(1, "float", "value"),
    M(GP "Int64Value"), F(1, "int64", "value"), M(GP "UInt64Value"), F(1, "uint64", "value"),
    M(GP "Int32Value"), F(1, "int32", "value"), M(GP "UInt32Value"), F(1, "uint32", "value"),
    M(GP "BoolValue"), F(1, "bool", "value"), M(GP "StringValue"), F(1, "string", "value"),
    M(GP "BytesValue"), F(1, "bytes", "value"), END};
static const row_t structs[] = {
    E(GP "NullValue"), V(0, "NULL_VALUE"),
    M(GP "Struct"), R(1, "." GP "Struct.FieldsEntry", "fields"),
    {ROW_ENTRY, GP "Struct.FieldsEntry", 0, NULL}, F(1, "string", "key"), F(2, "." GP "Value", "value"),
    M(GP "Value"), U(1, "." GP "NullValue", "null_value"), U(2, "double", "number_value"),
    U(3, "string", "string_value"), U(4, "bool", "bool_value"), U(5, "." GP "Struct", "struct_value"),
    U(6, "." GP "ListValue", "list_value"),
    M(GP "ListValue"), R(1, "." GP "Value", "values"), END};
static const row_t type[] = {
    E(GP "Syntax"), V(0, "SYNTAX_PROTO2"), V(1, "SYNTAX_PROTO3"), V(2, "SYNTAX_EDITIONS"),
    M(GP "Type"), F(1, "string", "name"), R(2, "." GP "Field", "fields"), R(3, "string", "oneofs"),
    R(4, "." GP "Option", "options"), F(5, "." GP "SourceContext", "source_context"), F(6, "." GP "Syntax", "syntax"),
    F(7, "string", "edition"),
    M(GP "Field"), F(1, "." GP "Field.Kind", "kind"), F(2, "." GP "Field.Cardinality", "cardinality"),
    F(3, "int32", "number"), F(4, "string", "name"), F(6, "string", "type_url"), F(7, "int32", "oneof_index"),
    F(8, "bool", "packed"), R(9, "." GP "Option", "options"), F(10, "string", "json_name"),
    F(11, "string", "default_value"),
    E(GP "Field.Kind"), V(0, "TYPE_UNKNOWN"), V(1, "TYPE_DOUBLE"), V(2, "TYPE_FLOAT"), V(3, "TYPE_INT64"),
    V(4, "TYPE_UINT64"), V(5, "TYPE_INT32"), V(6, "TYPE_FIXED64"), V(7, "TYPE_FIXED32"), V(8, "TYPE_BOOL"),
    V(9, "TYPE_STRING"), V(10, "TYPE_GROUP"), V(11, "TYPE_MESSAGE"), V(12, "TYPE_BYTES"), V(13, "TYPE_UINT32"),
    V(14, "TYPE_ENUM"), V(15, "TYPE_SFIXED32"), V(16, "TYPE_SFIXED64"), V(17, "TYPE_SINT32"), V(18, "TYPE_SINT64"),
    E(GP "Field.Cardinality"), V(0, "CARDINALITY_UNKNOWN"), V(1, "CARDINALITY_OPTIONAL"),
    V(2, "CARDINALITY_REQUIRED"), V(3, "CARDINALITY_REPEATED"),
    M(GP "Enum"), F(1, "string", "name"), R(2, "." GP "EnumValue", "enumvalue"), R(3, "." GP "Option", "options"),
    F(4, "." GP "SourceContext", "source_context"), F(5, "." GP "Syntax", "syntax"), F(6, "string", "edition"),
    M(GP "EnumValue"), F(1, "string", "name"), F(2, "int32", "number"), R(3, "." GP "Option", "options"),
    M(GP "Option"), F(1, "string", "name"), F(2, "." GP "Any", "value"), END};
static const row_t api[] = {
    M(GP "Api"), F(1, "string", "name"), R(2, "." GP "Method", "methods"), R(3, "." GP "Option", "options"),
    F(4, "string", "version"), F(5, "." GP "SourceContext", "source_context"), R(6, "." GP "Mixin", "mixins"),
    F(7, "." GP "Syntax", "syntax"), F(8, "string", "edition"),
    M(GP "Method"), F(1, "string", "name"), F(2, "string", "request_type_url"), F(3, "bool", "request_streaming"),
    F(4, "string", "response_type_url"), F(5, "bool", "response_streaming"), R(6, "." GP "Option", "options"),
    F(7, "." GP "Syntax", "syntax"), F(8, "string", "edition"),
    M(GP "Mixin"), F(1, "string", "name"), F(2, "string", "root"), END};
static const row_t descriptor[] = {
    M(GP "FileDescriptorSet"), R(1, "." GP "FileDescriptorProto", "file"),
    M(GP "FileDescriptorProto"), O(1, "string", "name"), O(2, "string", "package"), R(3, "string", "dependency"),
    R(4, "." GP "DescriptorProto", "message_type"), R(5, "." GP "EnumDescriptorProto", "enum_type"),
    R(6, "." GP "ServiceDescriptorProto", "service"), R(7, "." GP "FieldDescriptorProto", "extension"),
    O(8, "." GP "FileOptions", "options"), O(9, "." GP "SourceCodeInfo", "source_code_info"),
    R(10, "int32", "public_dependency"), R(11, "int32", "weak_dependency"), O(12, "string", "syntax"),
    O(14, "int32", "edition"), R(15, "string", "option_dependency"),
    M(GP "DescriptorProto"), O(1, "string", "name"), R(2, "." GP "FieldDescriptorProto", "field"),
    R(3, "." GP "DescriptorProto", "nested_type"), R(4, "." GP "EnumDescriptorProto", "enum_type"),
    R(5, "." GP "DescriptorProto.ExtensionRange", "extension_range"), R(6, "." GP "FieldDescriptorProto", "extension"),
    O(7, "." GP "MessageOptions", "options"), R(8, "." GP "OneofDescriptorProto", "oneof_decl"),
    R(9, "." GP "DescriptorProto.ReservedRange", "reserved_range"), R(10, "string", "reserved_name"),
    M(GP "DescriptorProto.ExtensionRange"), O(1, "int32", "start"), O(2, "int32", "end"),
    O(3, "." GP "ExtensionRangeOptions", "options"),
    M(GP "DescriptorProto.ReservedRange"), O(1, "int32", "start"), O(2, "int32", "end"),
    M(GP "FieldDescriptorProto"), O(1, "string", "name"), O(2, "string", "extendee"), O(3, "int32", "number"),
    O(4, "int32", "label"), O(5, "int32", "type"), O(6, "string", "type_name"), O(7, "string", "default_value"),
    O(8, "." GP "FieldOptions", "options"), O(9, "int32", "oneof_index"), O(10, "string", "json_name"),
    O(17, "bool", "proto3_optional"),
    M(GP "OneofDescriptorProto"), O(1, "string", "name"), O(2, "." GP "OneofOptions", "options"),
    M(GP "EnumDescriptorProto"), O(1, "string", "name"), R(2, "." GP "EnumValueDescriptorProto", "value"),
    O(3, "." GP "EnumOptions", "options"), R(4, "." GP "EnumDescriptorProto.EnumReservedRange", "reserved_range"),
    R(5, "string", "reserved_name"),
    M(GP "EnumDescriptorProto.EnumReservedRange"), O(1, "int32", "start"), O(2, "int32", "end"),
    M(GP "EnumValueDescriptorProto"), O(1, "string", "name"), O(2, "int32", "number"),
    O(3, "." GP "EnumValueOptions", "options"),
    M(GP "ServiceDescriptorProto"), O(1, "string", "name"), R(2, "." GP "MethodDescriptorProto", "method"),
    O(3, "." GP "ServiceOptions", "options"),
    M(GP "MethodDescriptorProto"), O(1, "string", "name"), O(2, "string", "input_type"), O(3, "string", "output_type"),
    O(4, "." GP "MethodOptions", "options"), O(5, "bool", "client_streaming"), O(6, "bool", "server_streaming"),
    M(GP "FileOptions"), O(1, "string", "java_package"), O(8, "string", "java_outer_classname"),
    O(9, "int32", "optimize_for"), O(10, "bool", "java_multiple_files"), O(11, "string", "go_package"),
    O(36, "string", "objc_class_prefix"), O(37, "string", "csharp_namespace"), O(39, "string", "swift_prefix"),
    O(40, "string", "php_class_prefix"), O(41, "string", "php_namespace"), O(44, "string", "php_metadata_namespace"),
    O(45, "string", "ruby_package"), R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "MessageOptions"), O(7, "bool", "map_entry"), R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "FieldOptions"), O(1, "int32", "ctype"), O(2, "bool", "packed"), O(3, "bool", "deprecated"),
    R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "OneofOptions"), R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "EnumOptions"), O(2, "bool", "allow_alias"), R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "EnumValueOptions"), O(1, "bool", "deprecated"),
    R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "ServiceOptions"), R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "MethodOptions"), O(34, "int32", "idempotency_level"),
    R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "ExtensionRangeOptions"), R(999, "." GP "UninterpretedOption", "uninterpreted_option"),
    M(GP "FeatureSet"), O(1, "int32", "field_presence"), O(2, "int32", "enum_type"),
    O(3, "int32", "repeated_field_encoding"), O(4, "int32", "utf8_validation"), O(5, "int32", "message_encoding"),
    O(6, "int32", "json_format"),
    M(GP "UninterpretedOption"), R(2, "." GP "UninterpretedOption.NamePart", "name"),
    O(3, "string", "identifier_value"), O(4, "uint64", "positive_int_value"), O(5, "int64", "negative_int_value"),
    O(6, "double", "double_value"), O(7, "bytes", "string_value"), O(8, "string", "aggregate_value"),
    M(GP "UninterpretedOption.NamePart"), O(1, "string", "name_part"), O(2, "bool", "is_extension"),
    M(GP "SourceCodeInfo"), R(1, "." GP "SourceCodeInfo.Location", "location"),
    M(GP "SourceCodeInfo.Location"), R(1, "int32", "path"), R(2, "int32", "span"), O(3, "string", "leading_comments"),
    O(4, "string", "trailing_comments"), R(6, "string", "leading_detached_comments"), END};
static const row_t nothing[] = {END};

static const row_t calendar_period[] = {E(GT "CalendarPeriod"), V(0, "CALENDAR_PERIOD_UNSPECIFIED"), V(1, "DAY"),
    V(2, "WEEK"), V(3, "FORTNIGHT"), V(4, "MONTH"), V(5, "QUARTER"), V(6, "HALF"), V(7, "YEAR"), END};
static const row_t color[] = {M(GT "Color"), F(1, "float", "red"), F(2, "float", "green"), F(3, "float", "blue"),
    F(4, "." GP "FloatValue", "alpha"), END};
static const row_t date[] = {M(GT "Date"), F(1, "int32", "year"), F(2, "int32", "month"), F(3, "int32", "day"), END};
static const row_t datetime[] = {M(GT "DateTime"), F(1, "int32", "year"), F(2, "int32", "month"), F(3, "int32", "day"),
    F(4, "int32", "hours"), F(5, "int32", "minutes"), F(6, "int32", "seconds"), F(7, "int32", "nanos"),
    U(8, "." GP "Duration", "utc_offset"), U(9, "." GT "TimeZone", "time_zone"),
    M(GT "TimeZone"), F(1, "string", "id"), F(2, "string", "version"), END};
static const row_t dayofweek[] = {E(GT "DayOfWeek"), V(0, "DAY_OF_WEEK_UNSPECIFIED"), V(1, "MONDAY"), V(2, "TUESDAY"),
    V(3, "WEDNESDAY"), V(4, "THURSDAY"), V(5, "FRIDAY"), V(6, "SATURDAY"), V(7, "SUNDAY"), END};
static const row_t google_decimal[] = {M(GT "Decimal"), F(1, "string", "value"), END};
static const row_t expr[] = {M(GT "Expr"), F(1, "string", "expression"), F(2, "string", "title"),
    F(3, "string", "description"), F(4, "string", "location"), END};
static const row_t fraction[] = {M(GT "Fraction"), F(1, "int64", "numerator"), F(2, "int64", "denominator"), END};
static const row_t interval[] = {M(GT "Interval"), F(1, "." GP "Timestamp", "start_time"),
    F(2, "." GP "Timestamp", "end_time"), END};
static const row_t latlng[] = {M(GT "LatLng"), F(1, "double", "latitude"), F(2, "double", "longitude"), END};
static const row_t localized_text[] = {M(GT "LocalizedText"), F(1, "string", "text"), F(2, "string", "language_code"),
    END};
static const row_t money[] = {M(GT "Money"), F(1, "string", "currency_code"), F(2, "int64", "units"),
    F(3, "int32", "nanos"), END};
static const row_t month[] = {E(GT "Month"), V(0, "MONTH_UNSPECIFIED"), V(1, "JANUARY"), V(2, "FEBRUARY"),
    V(3, "MARCH"), V(4, "APRIL"), V(5, "MAY"), V(6, "JUNE"), V(7, "JULY"), V(8, "AUGUST"), V(9, "SEPTEMBER"),
    V(10, "OCTOBER"), V(11, "NOVEMBER"), V(12, "DECEMBER"), END};
static const row_t phone_number[] = {M(GT "PhoneNumber"), U(1, "string", "e164_number"),
    U(2, "." GT "PhoneNumber.ShortCode", "short_code"), F(3, "string", "extension"),
    M(GT "PhoneNumber.ShortCode"), F(1, "string", "region_code"), F(2, "string", "number"), END};
static const row_t postal_address[] = {M(GT "PostalAddress"), F(1, "int32", "revision"), F(2, "string", "region_code"),
    F(3, "string", "language_code"), F(4, "string", "postal_code"), F(5, "string", "sorting_code"),
    F(6, "string", "administrative_area"), F(7, "string", "locality"), F(8, "string", "sublocality"),
    R(9, "string", "address_lines"), R(10, "string", "recipients"), F(11, "string", "organization"), END};
static const row_t quaternion[] = {M(GT "Quaternion"), F(1, "double", "x"), F(2, "double", "y"), F(3, "double", "z"),
    F(4, "double", "w"), END};
static const row_t timeofday[] = {M(GT "TimeOfDay"), F(1, "int32", "hours"), F(2, "int32", "minutes"),
    F(3, "int32", "seconds"), F(4, "int32", "nanos"), END};

static const row_t meta[] = {
    M("confluent.Meta"), F(1, "string", "doc"), R(2, ".confluent.Meta.ParamsEntry", "params"), R(3, "string", "tags"),
    R(4, ".confluent.Rule", "rules"),
    {ROW_ENTRY, "confluent.Meta.ParamsEntry", 0, NULL}, F(1, "string", "key"), F(2, "string", "value"),
    M("confluent.Rule"), F(1, "string", "name"), F(2, "string", "doc"), F(3, "string", "expr"), F(4, "string", "sql"),
    END};
static const row_t confluent_decimal[] = {M("confluent.type.Decimal"), F(1, "bytes", "value"),
    F(2, "uint32", "precision"), F(3, "int32", "scale"), END};

static const struct {
    const char *name;
    const row_t *rows;
    const char *imports[3];
} files[] = {
    {"google/protobuf/any.proto", any, {NULL}},
    {"google/protobuf/api.proto", api, {"google/protobuf/source_context.proto", "google/protobuf/type.proto", NULL}},
    {"google/protobuf/cpp_features.proto", nothing, {NULL}},
    {"google/protobuf/descriptor.proto", descriptor, {NULL}},
    {"google/protobuf/duration.proto", duration, {NULL}},
    {"google/protobuf/empty.proto", empty, {NULL}},
    {"google/protobuf/field_mask.proto", field_mask, {NULL}},
    {"google/protobuf/go_features.proto", nothing, {NULL}},
    {"google/protobuf/java_features.proto", nothing, {NULL}},
    {"google/protobuf/source_context.proto", source_context, {NULL}},
    {"google/protobuf/struct.proto", structs, {NULL}},
    {"google/protobuf/timestamp.proto", timestamp, {NULL}},
    {"google/protobuf/type.proto", type, {"google/protobuf/any.proto", "google/protobuf/source_context.proto", NULL}},
    {"google/protobuf/wrappers.proto", wrappers, {NULL}},
    {"google/type/calendar_period.proto", calendar_period, {NULL}},
    {"google/type/color.proto", color, {"google/protobuf/wrappers.proto", NULL}},
    {"google/type/date.proto", date, {NULL}},
    {"google/type/datetime.proto", datetime, {"google/protobuf/duration.proto", NULL}},
    {"google/type/dayofweek.proto", dayofweek, {NULL}},
    {"google/type/decimal.proto", google_decimal, {NULL}},
    {"google/type/expr.proto", expr, {NULL}},
    {"google/type/fraction.proto", fraction, {NULL}},
    {"google/type/interval.proto", interval, {"google/protobuf/timestamp.proto", NULL}},
    {"google/type/latlng.proto", latlng, {NULL}},
    {"google/type/localized_text.proto", localized_text, {NULL}},
    {"google/type/money.proto", money, {NULL}},
    {"google/type/month.proto", month, {NULL}},
    {"google/type/phone_number.proto", phone_number, {NULL}},
    {"google/type/postal_address.proto", postal_address, {NULL}},
    {"google/type/quaternion.proto", quaternion, {NULL}},
    {"google/type/timeofday.proto", timeofday, {NULL}},
    {"confluent/meta.proto", meta, {NULL}},
    {"confluent/type/decimal.proto", confluent_decimal, {NULL}},
};
/* clang-format on */

static pb_type_t scalar(const char *name) {
    for (pb_type_t t = PB_DOUBLE; t <= PB_SINT64; t++) {
        if (strcmp(pb_type_name(t), name) == 0) {
            return t;
        }
    }
    return 0;
}

static schloss_rc add_field(pb_loader_t *l, pb_message_t *m, const row_t *row) {
    pb_field_t *f = &m->fields[m->n_fields++];
    const char *json = pb_json_name(&l->s->arena, row->name);
    const char *full = arena_printf(&l->s->arena, "%s.%s", m->name, row->name);
    if (json == NULL || full == NULL) {
        return pb_no_room(l);
    }
    *f = (pb_field_t){.name = row->name,
                      .full_name = full,
                      .json_name = json,
                      .number = row->number,
                      .repeated = row->kind == ROW_REP,
                      .oneof = row->kind == ROW_MEMBER ? 0 : -1,
                      .feature_presence = row->kind == ROW_FIELD ? 2 : 1,
                      .packed = true,
                      .type = *row->type == '.' ? 0 : scalar(row->type),
                      .type_name = *row->type == '.' ? row->type : NULL};
    m->n_oneofs += row->kind == ROW_MEMBER && m->n_oneofs == 0;
    return SCHLOSS_OK;
}

static size_t n_inside(const row_t *row) {
    size_t n = 0;
    while (row[n].kind >= ROW_VALUE) {
        n++;
    }
    return n;
}

static schloss_rc load_rows(pb_loader_t *l, const row_t *rows) {
    pb_message_t *m = NULL;
    pb_enum_t *e = NULL;
    for (const row_t *row = rows; row->kind != ROW_END; row++) {
        switch (row->kind) {
        case ROW_MESSAGE:
        case ROW_ENTRY:
            TRY(pb_add_message(l, row->name, &m));
            m->map_entry = row->kind == ROW_ENTRY;
            m->fields = ARENA_ARRAY(&l->s->arena, pb_field_t, n_inside(row + 1) + 1);
            if (m->fields == NULL) {
                return pb_no_room(l);
            }
            break;
        case ROW_ENUM:
            TRY(pb_add_enum(l, row->name, &e));
            e->values = ARENA_ARRAY(&l->s->arena, pb_enum_value_t, n_inside(row + 1) + 1);
            if (e->values == NULL) {
                return pb_no_room(l);
            }
            break;
        case ROW_VALUE:
            if (e != NULL) {
                e->values[e->n_values++] = (pb_enum_value_t){.name = row->name, .number = (int32_t)row->number};
            }
            break;
        case ROW_FIELD:
        case ROW_OPT:
        case ROW_REP:
        case ROW_MEMBER:
            if (m != NULL) {
                TRY(add_field(l, m, row));
            }
            break;
        case ROW_END:
            break;
        }
    }
    return SCHLOSS_OK;
}

schloss_rc pb_load_builtin(pb_loader_t *l, const char *name, bool *known) {
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (strcmp(files[i].name, name) == 0) {
            *known = true;
            for (const char *const *import = files[i].imports; *import != NULL; import++) {
                TRY(pb_load_import(l, *import));
            }
            return load_rows(l, files[i].rows);
        }
    }
    return SCHLOSS_OK;
}
