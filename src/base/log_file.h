#pragma once

#include <filesystem>

#include "base/result.h"

namespace strandline {

/// Sends standard error, and with it the log, to the end of this file (made with mode 0640). Called
/// again with the same path after the file was moved away, it goes on in a new one; no line is lost
/// in between. An empty path changes nothing. On an error standard error stays where it was.
[[nodiscard]] Status log_to_file(const std::filesystem::path& file);

/// Whether log_to_file() could write there, also after a rotation. Makes nothing.
[[nodiscard]] Status check_log_file(const std::filesystem::path& file);

}  // namespace strandline
