#include "agent/run/footprint.h"

#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <sys/mman.h>

namespace strandline::agent {
namespace {

struct Range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
};

bool take_hex(std::string_view& text, std::uintptr_t& out) {
    constexpr int base = 16;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return error == std::errc{};
}

/// A line of proc_pid_maps(5) when it is code of a file. Readable data is left alone: a part of it
/// was written to by the loader before it became read-only, and would be lost.
std::optional<Range> code_of(std::string_view line) {
    Range range;
    if (!take_hex(line, range.begin) || !line.starts_with('-')) return std::nullopt;
    line.remove_prefix(1);
    if (!take_hex(line, range.end) || !line.starts_with(" r-xp ")) return std::nullopt;
    if (line.find(" /") == std::string_view::npos) return std::nullopt;
    return range;
}

}  // namespace

std::size_t release_startup_code() {
    std::ifstream maps("/proc/self/maps");
    std::size_t total = 0;
    for (std::string line; std::getline(maps, line);) {
        const auto range = code_of(line);
        if (!range) continue;
        const auto size = range->end - range->begin;
        // An address that the kernel itself just wrote down.
        auto* begin = reinterpret_cast<void*>(range->begin);  // NOLINT(performance-no-int-to-ptr)
        if (::madvise(begin, size, MADV_DONTNEED) == 0) total += size;
    }
    return total;
}

}  // namespace strandline::agent
