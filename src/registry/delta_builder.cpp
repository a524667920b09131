#include "registry/delta_builder.h"

#include "delta/files.h"

namespace strandline::registry {
namespace {

class LibraryDeltaBuilder final : public DeltaBuilder {
public:
    explicit LibraryDeltaBuilder(DeltaBuilderOptions options) : options_(options) {}

    Result<std::optional<std::uint64_t>> build(const DeltaFiles& files,
                                               const std::function<bool()>& keep_going) override {
        delta::EncodeOptions options;
        options.max_decoder_memory = options_.max_decoder_memory;
        options.cancelled = [&keep_going] { return keep_going && !keep_going(); };
        TRY(const auto stats,
            delta::make_delta_file(files.base, files.target, files.output, options));
        if (stats.full_file_is_better) return std::optional<std::uint64_t>{};
        return std::optional<std::uint64_t>(stats.patch_size);
    }

private:
    DeltaBuilderOptions options_;
};

}  // namespace

std::unique_ptr<DeltaBuilder> make_delta_builder(DeltaBuilderOptions options) {
    return std::make_unique<LibraryDeltaBuilder>(options);
}

}  // namespace strandline::registry
