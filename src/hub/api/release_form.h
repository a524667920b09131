#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hub/transfer/multipart.h"
#include "registry/release.h"
#include "store/blob/blob_store.h"

namespace strandline::hub {

/// The JSON body of POST /v1/releases. `what` names the document in errors.
[[nodiscard]] Result<registry::ReleaseRequest> release_request_from_json(std::string_view text,
                                                                         std::string_view what);

/// Receives the form of POST /v1/releases: field `release` first, then files that go straight into
/// the blob store. The name of a file part is its path in the bundle; a part called `executable`
/// gets the mark, and so does the entry of a process. Used by one thread at a time.
class ReleaseForm final : public PartSink {
public:
    explicit ReleaseForm(store::BlobStore& blobs) : blobs_(&blobs) {}

    [[nodiscard]] Status begin(const PartHead& head) override;
    [[nodiscard]] Status data(ByteSpan bytes) override;
    [[nodiscard]] Status end() override;

    /// Once the form is complete.
    [[nodiscard]] Result<registry::ReleaseRequest> take();

private:
    store::BlobStore* blobs_;
    std::optional<registry::ReleaseRequest> request_;
    std::string text_;
    registry::FileSpec file_;
    std::optional<store::BlobWriter> writer_;
};

/// A pushed single `*.onnx` becomes `model.onnx`: deltas find their base by path, whatever the
/// training script called its output.
void name_single_model(registry::ReleaseRequest& request);

}  // namespace strandline::hub
