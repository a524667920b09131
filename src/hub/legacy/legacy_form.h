#pragma once

#include <map>
#include <optional>
#include <string>

#include "hub/transfer/multipart.h"
#include "store/blob/blob_store.h"

namespace strandline::hub {

/// A document that came with a form; its bytes are a blob already.
struct LegacyDocument {
    std::string filename;
    store::BlobInfo blob;
};

/// Receives the form of the legacy upload API: text fields and the file `document`. Fields of other
/// names are read and forgotten, as the older platform did. Used by one thread at a time.
class LegacyForm final : public PartSink {
public:
    LegacyForm(store::BlobStore& blobs, std::uint64_t max_document_bytes)
        : blobs_(&blobs), max_document_bytes_(max_document_bytes) {}

    [[nodiscard]] Status begin(const PartHead& head) override;
    [[nodiscard]] Status data(ByteSpan bytes) override;
    [[nodiscard]] Status end() override;

    /// A text field that came in another form than parts; `invalid` when too long or too many.
    [[nodiscard]] Status set_field(std::string name, std::string text);

    std::map<std::string, std::string, std::less<>> fields;
    std::optional<LegacyDocument> document;

private:
    store::BlobStore* blobs_;
    std::uint64_t max_document_bytes_;
    std::string field_;
    std::string filename_;
    std::optional<store::BlobWriter> writer_;
};

}  // namespace strandline::hub
