// A form in whole and in pieces must come to the same parts, or to the same refusal. The input is a
// byte for the size of pieces, the boundary up to the first line end, and the form.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hub/transfer/multipart.h"

namespace {

using strandline::Status;
using strandline::hub::MultipartParser;
using strandline::hub::PartHead;

class Record final : public strandline::hub::PartSink {
public:
    Status begin(const PartHead& head) override {
        text += "[" + head.name + "|" + head.filename.value_or("-") + "|" + head.content_type + "]";
        return {};
    }
    Status data(strandline::ByteSpan bytes) override {
        text += strandline::as_text(bytes);
        return {};
    }
    Status end() override {
        text += "[end]";
        return {};
    }
    std::string text;
};

std::string understand(const std::string& type, std::string_view form, std::size_t step) {
    Record record;
    auto parser = MultipartParser::create(type, record, {.max_head_bytes = 256, .max_parts = 8});
    if (!parser) return "refused";
    for (auto rest = form; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
        if (!parser->feed(strandline::as_bytes(rest.substr(0, step)))) return "refused";
    }
    return parser->finish() ? record.text : "refused";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = data[0] % 32 + 1;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto line = std::min(text.find('\n'), text.size());
    const auto type = "multipart/form-data; boundary=" + std::string(text.substr(0, line));
    const auto form = text.substr(std::min(line + 1, text.size()));
    const auto whole = understand(type, form, form.size() + 1);
    STRANDLINE_ASSERT(understand(type, form, step) == whole);
    return 0;
}
