#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "registry/delta_job.h"

namespace strandline::registry {

struct DeltaFiles {
    DeltaPair pair;
    std::filesystem::path base;
    std::filesystem::path target;
    std::filesystem::path output;  ///< made or replaced
};

/// What a build came to.
struct DeltaBuild {
    std::optional<std::uint64_t> size;  ///< none: the full file is the better choice
    std::vector<DeltaShare> shares = {};
};

/// Makes one delta file. Called from several threads at once.
class DeltaBuilder {
public:
    virtual ~DeltaBuilder() = default;
    /// `keep_going` is asked now and then; when it says no the build ends with `cancelled`. A file
    /// that is not what the pair says is `corrupt`.
    [[nodiscard]] virtual Result<DeltaBuild> build(const DeltaFiles& files,
                                                   const std::function<bool()>& keep_going) = 0;
};

struct DeltaBuilderOptions {
    /// Devices must get by with this much while applying the delta.
    std::uint32_t max_decoder_memory = std::uint32_t{8} << 20;
    /// Threads of all builds together, 1 to 64; each build has one at least.
    unsigned threads = 1;
};

/// The real one, on src/delta.
[[nodiscard]] std::unique_ptr<DeltaBuilder> make_delta_builder(DeltaBuilderOptions options = {});

}  // namespace strandline::registry
