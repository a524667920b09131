#pragma once

#include <cstddef>

namespace strandline::hub {

/// Raises this process's limit on open files as far as `wanted` and its rights allow; the broker
/// that it starts inherits it. The limit in force afterwards.
std::size_t raise_open_files(std::size_t wanted);

}  // namespace strandline::hub
