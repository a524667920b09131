#include "hub/legacy/legacy_form.h"

#include <fmt/core.h>

namespace strandline::hub {
namespace {

constexpr std::size_t max_field_bytes = 4096;
constexpr std::size_t max_fields = 32;

}  // namespace

Status LegacyForm::begin(const PartHead& head) {
    field_ = head.name;
    writer_.reset();
    if (head.name == "document" && head.filename && !head.filename->empty()) {
        filename_ = *head.filename;
        TRY(writer_, blobs_->begin());
        return {};
    }
    if (fields.size() >= max_fields) return fail(Errc::invalid, "too many form fields");
    fields[field_].clear();
    return {};
}

Status LegacyForm::data(ByteSpan bytes) {
    if (writer_) {
        if (writer_->size() + bytes.size() > max_document_bytes_) {
            return fail(Errc::invalid,
                        fmt::format("document: at most {} bytes", max_document_bytes_));
        }
        return writer_->write(bytes);
    }
    auto& text = fields[field_];
    if (text.size() + bytes.size() > max_field_bytes) {
        return fail(Errc::invalid, fmt::format("{}: too long", field_));
    }
    text += as_text(bytes);
    return {};
}

Status LegacyForm::set_field(std::string name, std::string text) {
    if (fields.size() >= max_fields) return fail(Errc::invalid, "too many form fields");
    if (text.size() > max_field_bytes)
        return fail(Errc::invalid, fmt::format("{}: too long", name));
    fields[std::move(name)] = std::move(text);
    return {};
}

Status LegacyForm::end() {
    if (!writer_) return {};
    TRY(const auto stored, writer_->commit());
    writer_.reset();
    document = LegacyDocument{.filename = filename_, .blob = stored};
    return {};
}

}  // namespace strandline::hub
