#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"

namespace strandline::registry {

struct DeltaFiles {
    std::filesystem::path base;
    std::filesystem::path target;
    std::filesystem::path output;  ///< made or replaced
};

/// Makes one delta file. Called from several threads at once.
class DeltaBuilder {
public:
    virtual ~DeltaBuilder() = default;
    /// Size of the delta, or none when the full file is the better choice. `keep_going` is asked
    /// now and then; when it says no the build ends with `cancelled`.
    [[nodiscard]] virtual Result<std::optional<std::uint64_t>> build(
        const DeltaFiles& files, const std::function<bool()>& keep_going) = 0;
};

struct DeltaBuilderOptions {
    /// Devices must get by with this much while applying the delta.
    std::uint32_t max_decoder_memory = std::uint32_t{8} << 20;
};

/// The real one, on src/delta.
[[nodiscard]] std::unique_ptr<DeltaBuilder> make_delta_builder(DeltaBuilderOptions options = {});

}  // namespace strandline::registry
