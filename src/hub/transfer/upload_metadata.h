#pragma once

#include <string_view>

#include "registry/upload_store.h"

namespace strandline::hub {

/// Reads the tus header Upload-Metadata, pairs "key base64" separated by commas, into the digest
/// and the file name of `wanted`; other keys mean nothing here.
[[nodiscard]] Status read_upload_metadata(std::string_view text, registry::UploadRequest& wanted);

}  // namespace strandline::hub
