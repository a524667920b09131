#include "registry/delta_worker.h"

#include <fmt/core.h>
#include <vector>

#include "base/file.h"
#include "base/log.h"

namespace strandline::registry {
namespace {

constexpr std::string_view partial_prefix = "delta-";
constexpr std::string_view partial_suffix = ".partial";

/// Removes a partial file whatever happens.
class Scratch {
public:
    explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Asked by the builder now and then: goes on while the caller wants it and the lease is held.
class Holder {
public:
    Holder(DeltaJobStore& jobs, const DeltaJob& job, const Clock& clock,
           std::chrono::milliseconds lease, const std::function<bool()>& wanted)
        : jobs_(jobs),
          job_(job),
          clock_(clock),
          lease_(lease),
          wanted_(wanted),
          extended_(clock.steady()) {}

    [[nodiscard]] bool keep_going() {
        if (lost_ || (wanted_ && !wanted_())) return false;
        // A third: two extensions may fail before the lease is over.
        if (clock_.steady() - extended_ < lease_ / 3) return true;
        const auto extended = jobs_.extend(job_, lease_);
        if (extended) {
            extended_ = clock_.steady();
        } else if (extended.error().code == Errc::conflict) {
            lost_ = true;
        }
        return !lost_;
    }
    [[nodiscard]] bool lost() const { return lost_; }

private:
    DeltaJobStore& jobs_;
    const DeltaJob& job_;
    const Clock& clock_;
    std::chrono::milliseconds lease_;
    const std::function<bool()>& wanted_;
    SteadyTime extended_;
    bool lost_ = false;
};

}  // namespace

Result<bool> DeltaWorker::run_once(const std::function<bool()>& keep_going) {
    TRY(const auto job, jobs_->lease(options_.owner, options_.lease));
    if (!job) return false;
    const auto done = work(*job, keep_going);
    // Somebody else has the job now; what we made is not referenced and gets collected.
    if (!done && done.error().code != Errc::conflict) return done.error();
    return true;
}

Status DeltaWorker::work(const DeltaJob& job, const std::function<bool()>& keep_going) {
    for (const auto& side : {job.pair.base, job.pair.target}) {
        if (!blobs_->contains(side)) {
            return jobs_->finish_failed(job, fmt::format("blob {} is not stored", side.hex()),
                                        true);
        }
    }
    const Scratch output(blobs_->staging_folder() / fmt::format("{}{}-{}{}", partial_prefix, job.id,
                                                                job.attempts, partial_suffix));
    Holder holder(*jobs_, job, *clock_, options_.lease, keep_going);
    const auto start = clock_->steady();
    const auto built = builder_->build(
        {job.pair, blobs_->path_of(job.pair.base), blobs_->path_of(job.pair.target), output.path()},
        [&holder] { return holder.keep_going(); });
    const auto build_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_->steady() - start).count();
    if (holder.lost()) return {};
    if (!built && built.error().code == Errc::cancelled) return jobs_->release(job);
    return finish(job, built, output.path(), build_ms);
}

Result<std::size_t> DeltaWorker::remove_leftovers(const store::BlobStore& blobs) {
    const auto& folder = blobs.staging_folder();
    std::vector<std::filesystem::path> found;
    std::error_code error;
    std::filesystem::directory_iterator entry(folder, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (name.starts_with(partial_prefix) && name.ends_with(partial_suffix))
            found.push_back(entry->path());
    }
    if (error) return error_from_errno("list " + folder.string(), error.value());
    for (const auto& path : found) TRY(remove_file(path));
    return found.size();
}

void DeltaWorker::tell(DeltaJob job, DeltaState state, const DeltaBuilt& result) const {
    if (!finished_) return;
    job.state = state;
    job.build_ms = result.build_ms;
    job.delta_size = result.delta_size;
    job.shares = result.shares;
    if (state == DeltaState::built) job.delta = result.delta;
    finished_(job);
}

Status DeltaWorker::finish(const DeltaJob& job, const Result<DeltaBuild>& built,
                           const std::filesystem::path& output, std::int64_t build_ms) {
    if (!built) {
        log_warn("delta failed job={} attempt={} error=\"{}\"", job.id, job.attempts,
                 built.error().message);
        return jobs_->finish_failed(job, built.error().message,
                                    built.error().code == Errc::invalid);
    }
    if (built->size.value_or(job.full_size) >= job.full_size) {
        TRY(jobs_->finish_not_worth(job, build_ms));
        DeltaBuilt nothing;
        nothing.build_ms = build_ms;
        tell(job, DeltaState::not_worth, nothing);
        return {};
    }
    const auto blob = blobs_->adopt(output);
    if (!blob) return jobs_->finish_failed(job, blob.error().message);
    log_info("delta built job={} size={} full_size={} build_ms={}", job.id, blob->size,
             job.full_size, build_ms);
    const DeltaBuilt result{blob->digest, blob->size, build_ms, built->shares};
    TRY(jobs_->finish_built(job, result, events_));
    tell(job, DeltaState::built, result);
    return {};
}

}  // namespace strandline::registry
