#include <string>
#include <utility>

#include "agent/states/disk_need.h"
#include "agent/states/states.h"
#include "agent/transfer/partial_file.h"
#include "base/log.h"
#include "delta/files.h"

namespace strandline::agent {
namespace {

// Far above what our encoder asks for, far below what hurts a small device.
constexpr std::uint64_t max_decoder_memory = std::uint64_t{32} << 20;

struct PatchJob {
    std::filesystem::path base;
    std::filesystem::path delta;
    std::filesystem::path output;
    trust::ManifestFile file;
};

/// What a delta says of itself; another limit than those of our disk must not look like one.
Status check(const PatchJob& job) {
    TRY(const auto info, delta::read_info_file(job.delta));
    if (info.new_size != job.file.size)
        return fail(Errc::corrupt, "the delta makes " + std::to_string(info.new_size) + " bytes");
    if (info.decoder_memory > max_decoder_memory) {
        return fail(Errc::corrupt,
                    "the delta needs " + std::to_string(info.decoder_memory) + " bytes of memory");
    }
    return {};
}

/// Applies one delta. Whatever is wrong with it, nothing of it is left behind but the error.
Status apply(store::BlobStore& blobs, const PatchJob& job) {
    TRY(check(job));
    delta::ApplyOptions options;
    options.limits.max_output_bytes = job.file.size;
    options.limits.max_memory_bytes = max_decoder_memory;
    auto applied = delta::apply_delta(job.base, job.delta, job.output, options);
    if (!applied) return std::move(applied).error();
    TRY(blobs.adopt(job.output, job.file.sha256));
    return PartialFile::discard(job.delta);
}

boost::asio::awaitable<Status> apply_on_worker(UpdateContext& context, const MissingFile& item) {
    auto* blobs = &context.services.releases.blobs();
    PatchJob job;
    job.base = blobs->path_of(*item.base);
    job.delta = delta_path(context.services.state.partials(), item);
    job.output = context.services.state.partials() / (item.file.sha256.hex() + ".new");
    job.file = item.file;
    std::function<Status()> work = [blobs, job = std::move(job)] { return apply(*blobs, job); };
    co_return co_await context.services.runtime.offload(std::move(work));
}

/// Whether a delta could not be applied for reasons of our own. Where the whole file is allowed, it
/// also replaces an old one that can no longer be read.
bool is_of_our_disk(const UpdateContext& context, const Error& error) {
    if (error.code == Errc::exhausted) return true;
    const bool of_the_delta = error.code == Errc::corrupt || error.code == Errc::invalid;
    return !of_the_delta && !context.order.allow_full;
}

/// Fetches a delta once more.
Step fetch_anew(UpdateContext& context, MissingFile& item, const Error& error) {
    log_warn("delta fetched anew slot={} path={} error=\"{}\"", context.slot.name, item.file.path,
             error.message);
    ignore(PartialFile::discard(delta_path(context.services.state.partials(), item)),
           "a later start removes it");
    item.delta_ready = false;
    item.continued = false;
    return Step::go(UpdateState::fetch);
}

/// Gives a delta up for the whole file, once and for all of this order.
Step fall_back(UpdateContext& context, MissingFile& item, const Error& error) {
    log_warn("delta failed slot={} path={} error=\"{}\"", context.slot.name, item.file.path,
             error.message);
    auto& journal = context.journal();
    journal.totals.delta_fallbacks += 1;
    journal.no_delta.push_back(item.file.path);
    ignore(PartialFile::discard(delta_path(context.services.state.partials(), item)),
           "a later start removes it");
    item.delta_ready = false;
    item.base.reset();
    return Step::go(UpdateState::fetch);
}

boost::asio::awaitable<Step> build(UpdateContext& context) {
    auto* releases = &context.services.releases;
    std::function<Result<Release>()> work = [releases, envelope = context.envelope,
                                             manifest = context.manifest] {
        return releases->install(envelope, manifest);
    };
    auto installed = co_await context.services.runtime.offload(std::move(work));
    if (!installed && installed.error().code == Errc::not_found)
        co_return Step::go(UpdateState::plan);
    if (!installed) co_return Step::disk(installed.error());
    context.installed = std::move(*installed);
    co_return Step::go(UpdateState::verify);
}

}  // namespace

boost::asio::awaitable<Step> assemble(UpdateContext& context) {
    for (auto& item : context.missing) {
        if (item.here) continue;
        if (context.preempted()) co_return Step::interrupted();
        const auto applied = co_await apply_on_worker(context, item);
        if (!applied && is_of_our_disk(context, applied.error()))
            co_return Step::disk(applied.error());
        if (!applied && item.continued) co_return fetch_anew(context, item, applied.error());
        if (!applied) co_return fall_back(context, item, applied.error());
        item.here = true;
        context.journal().totals.deltas += 1;
    }
    co_return co_await build(context);
}

}  // namespace strandline::agent
