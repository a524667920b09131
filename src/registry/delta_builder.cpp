#include "registry/delta_builder.h"

#include <algorithm>
#include <atomic>
#include <fmt/core.h>

#include "delta/files.h"

namespace strandline::registry {
namespace {

// Counts builds, so that one alone may use all threads.
class Running {
public:
    explicit Running(std::atomic<unsigned>& count) : count_(count), now_(++count) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { --count_; }
    [[nodiscard]] unsigned now() const { return now_; }

private:
    std::atomic<unsigned>& count_;
    unsigned now_;
};

std::vector<DeltaShare> shares_of(const delta::Breakdown& breakdown) {
    std::vector<DeltaShare> out;
    for (const auto& row : breakdown.rows())
        out.push_back({std::string(row.name), row.new_bytes, row.delta_bytes});
    return out;
}

// A blob that was damaged on the disk would make a delta that no device can apply.
Error damaged(const std::string& found, const std::filesystem::path& file) {
    return fail(Errc::corrupt,
                fmt::format("{} is damaged: its SHA-256 is {}", file.string(), found));
}

class LibraryDeltaBuilder final : public DeltaBuilder {
public:
    explicit LibraryDeltaBuilder(DeltaBuilderOptions options) : options_(options) {}

    Result<DeltaBuild> build(const DeltaFiles& files,
                             const std::function<bool()>& keep_going) override {
        const Running running(running_);
        delta::EncodeOptions options;
        options.max_decoder_memory = options_.max_decoder_memory;
        options.threads = std::max(1U, options_.threads / running.now());
        options.cancelled = [&keep_going] { return keep_going && !keep_going(); };
        TRY(const auto stats,
            delta::make_delta_file(files.base, files.target, files.output, options));
        TRY(const auto made, delta::read_info_file(files.output));
        if (!made.is_old(files.pair.base)) return damaged(made.old_sha256_text(), files.base);
        if (!made.is_new(files.pair.target)) return damaged(made.new_sha256_text(), files.target);
        if (stats.full_file_is_better) return DeltaBuild{};
        return DeltaBuild{stats.patch_size, shares_of(stats.breakdown)};
    }

private:
    DeltaBuilderOptions options_;
    std::atomic<unsigned> running_{0};
};

}  // namespace

std::unique_ptr<DeltaBuilder> make_delta_builder(DeltaBuilderOptions options) {
    return std::make_unique<LibraryDeltaBuilder>(options);
}

}  // namespace strandline::registry
