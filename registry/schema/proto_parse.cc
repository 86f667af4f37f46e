/* See proto_parse.h. Every entry catches all exceptions (memory, libprotobuf's own fatal errors): none may reach C. */
#include "registry/schema/proto_parse.h"
#include <algorithm>
#include <cstring>
#include <exception>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/api.pb.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/source_context.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/wrappers.pb.h>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <vector>

namespace pb = google::protobuf;

namespace {

const char main_name[] = "default";

/* The first error is the one that counts: those after it are mostly its consequences. */
class FirstError : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
  public:
    void AddError(int line, pb::io::ColumnNumber column, const std::string &message) override {
        Set("line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " + message);
    }
    void AddError(const std::string &file, const std::string &element, const pb::Message *, ErrorLocation,
                  const std::string &message) override {
        Set((file == main_name ? element : file + ": " + element) + ": " + message);
    }
    std::string text;

  private:
    void Set(const std::string &message) {
        if (text.empty()) {
            text = message;
        }
    }
};

/* Source to descriptors, as written. */
bool parse(const char *text, size_t len, FirstError *errors, pb::FileDescriptorProto *out) {
    pb::io::ArrayInputStream in(text, (int)len);
    pb::io::Tokenizer tokenizer(&in, errors);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(errors);
    bool ok = parser.Parse(&tokenizer, out) && errors->text.empty();
    out->clear_source_code_info();
    return ok;
}

/* Files by name, parsed when they are asked for. Symbols are found through imports only. */
class Files : public pb::DescriptorDatabase {
  public:
    Files(const pb::FileDescriptorProto &main, const proto_file_t *files, size_t n) : main_(main) {
        for (size_t i = 0; i < n; i++) {
            files_.emplace(files[i].name, &files[i]); /* the first of a name wins */
        }
    }
    bool FindFileByName(const std::string &name, pb::FileDescriptorProto *out) override {
        if (name == main_name) {
            *out = main_;
            return true;
        }
        auto it = files_.find(name);
        if (it != files_.end()) {
            return Text(name, it->second->text, it->second->len, out);
        }
        const char *builtin = proto_builtin(name.c_str());
        if (builtin != nullptr) {
            return Text(name, builtin, strlen(builtin), out);
        }
        /* of the process's own files only those that users may import */
        const pb::FileDescriptor *own = name.compare(0, 16, "google/protobuf/") == 0
                                            ? pb::DescriptorPool::generated_pool()->FindFileByName(name)
                                            : nullptr;
        if (own != nullptr) {
            own->CopyTo(out);
        }
        return own != nullptr;
    }
    bool FindFileContainingSymbol(const std::string &, pb::FileDescriptorProto *) override {
        return false;
    }
    bool FindFileContainingExtension(const std::string &, int, pb::FileDescriptorProto *) override {
        return false;
    }

  private:
    static bool Text(const std::string &name, const char *text, size_t len, pb::FileDescriptorProto *out);
    const pb::FileDescriptorProto &main_;
    std::map<std::string, const proto_file_t *> files_;
};

void tell(char *why, size_t size, const char *text) {
    size_t n = strlen(text);
    n = n < size ? n : size - 1;
    memcpy(why, text, n);
    why[n] = '\0';
}

proto_rc invalid(char *why, size_t size, const std::string &text) {
    tell(why, size, text.empty() ? "not a file of Protocol Buffers" : text.c_str());
    return PROTO_INVALID;
}

/* libprotobuf would write warnings to stderr; the files of google/protobuf/ must be linked in to be found. */
void once() {
    static std::once_flag flag;
    std::call_once(flag, [] {
        pb::SetLogHandler(nullptr);
        (void)pb::Any::descriptor();
        (void)pb::Api::descriptor();
        (void)pb::Duration::descriptor();
        (void)pb::Empty::descriptor();
        (void)pb::FieldMask::descriptor();
        (void)pb::SourceContext::descriptor();
        (void)pb::Struct::descriptor();
        (void)pb::Timestamp::descriptor();
        (void)pb::Type::descriptor();
        (void)pb::StringValue::descriptor();
    });
}

/* "option map_entry = true" stands in texts that were printed from descriptors; the linker takes it as a fact only. */
void settle_map_entries(pb::DescriptorProto *m) {
    for (int i = 0; i < m->nested_type_size(); i++) {
        settle_map_entries(m->mutable_nested_type(i));
    }
    if (!m->has_options()) {
        return;
    }
    auto *left = m->mutable_options()->mutable_uninterpreted_option();
    for (int i = left->size() - 1; i >= 0; i--) {
        const pb::UninterpretedOption &o = left->Get(i);
        if (o.name_size() == 1 && !o.name(0).is_extension() && o.name(0).name_part() == "map_entry" &&
            o.identifier_value() == "true") {
            m->mutable_options()->set_map_entry(true);
            left->DeleteSubrange(i, 1);
        }
    }
}

bool read_text(const char *text, size_t len, FirstError *errors, pb::FileDescriptorProto *out) {
    if (!parse(text, len, errors, out)) {
        return false;
    }
    for (int i = 0; i < out->message_type_size(); i++) {
        settle_map_entries(out->mutable_message_type(i));
    }
    return true;
}

bool Files::Text(const std::string &name, const char *text, size_t len, pb::FileDescriptorProto *out) {
    FirstError errors;
    bool ok = read_text(text, len, &errors, out);
    out->set_name(name);
    return ok;
}

/* Short words are base64 of something, too. Of what is unknown only editions (fields 13, 14) are let through. */
bool is_descriptor(const pb::FileDescriptorProto &file) {
    const pb::UnknownFieldSet &unknown = file.unknown_fields();
    for (int i = 0; i < unknown.field_count(); i++) {
        if (unknown.field(i).number() != 13 && unknown.field(i).number() != 14) {
            return false;
        }
    }
    return true;
}

proto_rc give(const pb::FileDescriptorProto &file, proto_sink sink, void *user, char *why, size_t why_size) {
    std::string wire;
    if (!file.SerializePartialToString(&wire)) {
        return invalid(why, why_size, "");
    }
    return sink(user, wire.data(), wire.size()) ? PROTO_OK : PROTO_NO_MEMORY;
}

/* ---- one form of equal descriptors ---- */
enum { META = 1088 }; /* confluent's options */

bool by_number(const pb::UnknownField &a, const pb::UnknownField &b) {
    return a.number() < b.number();
}

/* Parts of a message that was set piece by piece, as one, in the order of their numbers. */
void merge_meta(pb::UnknownFieldSet *options) {
    std::string all;
    for (int i = 0; i < options->field_count(); i++) {
        const pb::UnknownField &f = options->field(i);
        if (f.number() == META && f.type() == pb::UnknownField::TYPE_LENGTH_DELIMITED) {
            all += f.length_delimited();
        }
    }
    options->DeleteByNumber(META);
    pb::UnknownFieldSet meta;
    if (all.empty() || !meta.ParseFromString(all)) {
        return;
    }
    std::vector<pb::UnknownField> parts;
    for (int i = 0; i < meta.field_count(); i++) {
        parts.push_back(meta.field(i));
    }
    std::stable_sort(parts.begin(), parts.end(), by_number);
    pb::UnknownFieldSet sorted;
    for (const pb::UnknownField &part : parts) {
        sorted.AddField(part);
    }
    std::string bytes;
    (void)sorted.SerializeToString(&bytes);
    options->AddLengthDelimited(META, bytes);
}

template <typename T> void settle_options(T *holder) {
    if (holder->has_options()) {
        merge_meta(holder->mutable_options()->mutable_unknown_fields());
    }
}

bool field_before(const pb::FieldDescriptorProto &a, const pb::FieldDescriptorProto &b) {
    return a.number() != b.number() ? a.number() < b.number() : a.extendee() < b.extendee();
}

void settle_fields(pb::RepeatedPtrField<pb::FieldDescriptorProto> *fields) {
    std::stable_sort(fields->begin(), fields->end(), field_before);
    for (pb::FieldDescriptorProto &f : *fields) {
        settle_options(&f);
    }
}

void settle_enum(pb::EnumDescriptorProto *e) {
    settle_options(e);
    for (pb::EnumValueDescriptorProto &value : *e->mutable_value()) {
        settle_options(&value);
    }
}

/* Which fields come first in a message says nothing, and the canonical text moves those of oneofs. */
void settle_message(pb::DescriptorProto *m) {
    settle_options(m);
    settle_fields(m->mutable_field());
    settle_fields(m->mutable_extension());
    for (pb::DescriptorProto &nested : *m->mutable_nested_type()) {
        settle_message(&nested);
    }
    for (pb::EnumDescriptorProto &e : *m->mutable_enum_type()) {
        settle_enum(&e);
    }
}

void settle_file(pb::FileDescriptorProto *file) {
    settle_options(file);
    settle_fields(file->mutable_extension());
    for (pb::DescriptorProto &m : *file->mutable_message_type()) {
        settle_message(&m);
    }
    for (pb::EnumDescriptorProto &e : *file->mutable_enum_type()) {
        settle_enum(&e);
    }
}

/* Runs what may throw. */
template <typename F> proto_rc guarded(char *why, size_t why_size, F body) {
    try {
        once();
        return body();
    } catch (const std::bad_alloc &) {
        return PROTO_NO_MEMORY;
    } catch (const std::exception &e) {
        tell(why, why_size, e.what());
        return PROTO_INVALID;
    } catch (...) {
        tell(why, why_size, "libprotobuf failed");
        return PROTO_INVALID;
    }
}

} // namespace

proto_rc proto_parse_text(const char *text, size_t len, proto_sink sink, void *user, char *why, size_t why_size) {
    return guarded(why, why_size, [&] {
        FirstError errors;
        pb::FileDescriptorProto file;
        if (!read_text(text, len, &errors, &file)) {
            return invalid(why, why_size, errors.text);
        }
        return give(file, sink, user, why, why_size);
    });
}

proto_rc proto_parse_wire(const void *wire, size_t len, proto_sink sink, void *user, char *why, size_t why_size) {
    return guarded(why, why_size, [&] {
        pb::FileDescriptorProto file;
        if (!file.ParsePartialFromArray(wire, (int)len) || !is_descriptor(file)) {
            return invalid(why, why_size, "");
        }
        file.clear_source_code_info();
        file.mutable_unknown_fields()->Clear();
        return give(file, sink, user, why, why_size);
    });
}

proto_rc proto_link(const void *wire, size_t len, const proto_file_t *files, size_t n_files, unsigned flags,
                    proto_sink sink, void *user, char *why, size_t why_size) {
    return guarded(why, why_size, [&] {
        pb::FileDescriptorProto main;
        if (!main.ParseFromArray(wire, (int)len)) {
            return invalid(why, why_size, "");
        }
        main.set_name(main_name);
        FirstError errors;
        Files database(main, files, n_files);
        pb::DescriptorPool pool(&database, &errors);
        const pb::FileDescriptor *linked = pool.FindFileByName(main_name);
        if (linked == nullptr) {
            return invalid(why, why_size, errors.text);
        }
        if (flags & PROTO_REBUILD) {
            return PROTO_OK;
        }
        pb::FileDescriptorProto out;
        linked->CopyTo(&out);
        if (flags & PROTO_SETTLED) {
            linked->CopyJsonNameTo(&out);
            settle_file(&out);
        }
        return give(out, sink, user, why, why_size);
    });
}
