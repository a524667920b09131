#include "hub/transfer/upload_metadata.h"

#include <algorithm>

#include "base/bytes.h"

namespace strandline::hub {
namespace {

Result<std::string> decode_text(std::string_view key, std::string_view encoded) {
    const auto bytes = from_base64(encoded);
    if (!bytes) return context("Upload-Metadata: " + std::string(key), bytes.error());
    return std::string(as_text(*bytes));
}

}  // namespace

Status read_upload_metadata(std::string_view text, registry::UploadRequest& wanted) {
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        auto pair = text.substr(0, comma);
        text.remove_prefix(std::min(text.size(), comma + 1));
        pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
        const auto space = std::min(pair.find(' '), pair.size());
        const auto key = pair.substr(0, space);
        const auto value = pair.substr(std::min(pair.size(), space + 1));
        if (key == "filename") {
            TRY(wanted.filename, decode_text(key, value));
        } else if (key == "sha256") {
            TRY(const auto hex, decode_text(key, value));
            TRY(wanted.expected, Sha256Digest::from_hex(hex));
        }
    }
    return {};
}

}  // namespace strandline::hub
