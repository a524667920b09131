#pragma once

#include <cstddef>

namespace strandline::agent {

/// Gives back the program code that only the start needed: pages of read-only code are unmapped and
/// come back from the page cache one by one as they run again. Bytes of address space looked at; 0
/// where /proc is not there.
std::size_t release_startup_code();

}  // namespace strandline::agent
