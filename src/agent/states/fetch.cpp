#include <algorithm>
#include <utility>

#include "agent/states/disk_need.h"
#include "agent/states/states.h"
#include "agent/transfer/download.h"
#include "agent/transfer/partial_file.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

// A hub that keeps giving nonsense for one file is believed to have nothing better.
constexpr unsigned max_bad_answers = 4;
constexpr std::chrono::minutes max_delta_wait{10};
constexpr std::chrono::seconds default_delta_wait{2};

void count_fallback(UpdateContext& context, MissingFile& item, std::string_view why) {
    log_warn("delta given up slot={} path={} reason=\"{}\"", context.slot.name, item.file.path,
             why);
    context.journal().totals.delta_fallbacks += 1;
    context.journal().no_delta.push_back(item.file.path);
    context.bad_answers = 0;
    context.delta_wait.reset();
    item.base.reset();
    item.delta_ready = false;
}

void note_progress(UpdateContext& context, std::uint64_t bytes) {
    context.progress_bytes = std::min(context.expected_bytes, context.progress_bytes + bytes);
    if (context.expected_bytes == 0) return;
    context.slot.progress =
        static_cast<double>(context.progress_bytes) / static_cast<double>(context.expected_bytes);
}

DownloadWatch make_watch(UpdateContext& context) {
    DownloadWatch watch;
    watch.cancelled = context.preempted;
    watch.received = [&context](std::uint64_t bytes) {
        context.journal().totals.bytes_received += bytes;
        note_progress(context, bytes);
    };
    return watch;
}

/// Bytes of an earlier life may have been lost on their way to the disk in a power cut.
void note_found(MissingFile& item, std::uint64_t found) {
    if (!std::exchange(item.asked, true)) item.continued = found > 0;
}

/// Whether this try has left more of the file here than any before it. Trickles do not count: a
/// server that gives a byte for each connection would be asked again at once for ever.
void note_kept(UpdateContext& context, MissingFile& item, std::uint64_t kept) {
    constexpr std::uint64_t enough = std::uint64_t{64} * 1024;
    const auto step = std::min(enough, item.file.size / 16 + 1);
    if (kept < item.kept + step) return;
    item.kept = kept;
    context.advanced = true;
}

/// No more bytes today. Devices that share a budget and a midnight must not share the second.
Step wait_for_next_day(UpdateContext& context) {
    constexpr std::int64_t window_ms = 15 * 60 * 1000;
    const auto& budget = context.services.line.budget;
    auto error = fail(Errc::exhausted,
                      "the " + std::to_string(budget.max_per_day()) +
                          " bytes of this day are spent (transfer.max_bytes_per_day); the download "
                          "goes on after midnight UTC");
    const auto later = static_cast<std::int64_t>(context.services.random.below(window_ms));
    error.retry_after = budget.until_next_day() + std::chrono::milliseconds{later};
    auto step = Step::retry(error);
    step.reason = "byte_budget";
    return step;
}

/// What an error of a download means for the update; nothing when it was another bad answer that
/// may be tried again at once by the caller's rules.
Step judge_error(UpdateContext& context, const DownloadWatch& watch, const Error& error) {
    if (error.code == Errc::cancelled) return Step::interrupted();
    if (watch.budget_spent) return wait_for_next_day(context);
    if (watch.disk_failed) return Step::disk(error);
    if (watch.bad_answer) context.bad_answers += 1;
    return Step::retry(error);
}

using Stop = std::optional<Step>;

/// The hub is still building the delta: come back, but not for ever.
Stop wait_for_delta(UpdateContext& context, MissingFile& item, const DownloadOutcome& outcome) {
    if (!context.delta_wait) context.delta_wait = Deadline::after(max_delta_wait);
    if (context.delta_wait->passed() && context.order.allow_full) {
        count_fallback(context, item, "it took too long to build");
        return std::nullopt;
    }
    auto error = fail(Errc::unavailable, "the hub is building the delta for " + item.file.path);
    error.retry_after = outcome.retry_after.value_or(default_delta_wait);
    return Step::retry(error);
}

/// Nothing returned: the delta is here, or there is none and the whole file is to be fetched.
boost::asio::awaitable<Stop> fetch_delta(UpdateContext& context, MissingFile& item) {
    Download download;
    download.target = "/v1/deltas/" + item.base->hex() + "/" + item.file.sha256.hex();
    download.file = delta_path(context.services.state.partials(), item);
    download.max_size = item.file.size;
    auto watch = make_watch(context);
    const auto outcome = co_await download_once(context.services.line, std::move(download), watch);
    note_found(item, watch.found);
    note_kept(context, item, watch.kept);
    if (!outcome) {
        const auto step = judge_error(context, watch, outcome.error());
        if (!watch.bad_answer || context.bad_answers < max_bad_answers) co_return step;
        count_fallback(context, item, outcome.error().message);
        co_return std::nullopt;
    }
    switch (outcome->state) {
        case DownloadState::building:
            co_return wait_for_delta(context, item, *outcome);
        case DownloadState::absent:
            item.base.reset();
            break;
        case DownloadState::complete:
            item.delta_ready = true;
            break;
    }
    context.delta_wait.reset();
    context.bad_answers = 0;
    co_return std::nullopt;
}

/// Takes the finished file into the blob store, which hashes what is on disk.
boost::asio::awaitable<Stop> adopt(UpdateContext& context, MissingFile& item) {
    auto* blobs = &context.services.releases.blobs();
    const auto path = full_path(context.services.state.partials(), item);
    const auto digest = item.file.sha256;
    std::function<Status()> work = [blobs, path, digest]() -> Status {
        TRY(blobs->adopt(path, digest));
        return PartialFile::discard(path);
    };
    const auto adopted = co_await context.services.runtime.offload(std::move(work));
    if (adopted) {
        item.here = true;
        context.bad_answers = 0;
        context.journal().totals.fulls += 1;
        co_return std::nullopt;
    }
    if (adopted.error().code != Errc::corrupt) co_return Step::disk(adopted.error());
    ignore(PartialFile::discard(path), "the next try starts anew anyway");
    context.bad_answers += 1;
    if (context.bad_answers >= max_bad_answers) {
        co_return Step::refuse("corrupt",
                               "the hub's " + item.file.path + " does not have the signed hash");
    }
    co_return Step::retry(adopted.error());
}

boost::asio::awaitable<Stop> fetch_full(UpdateContext& context, MissingFile& item) {
    if (!context.order.allow_full) {
        co_return Step::refuse("refused_budget", "no delta works for " + item.file.path +
                                                     " and the order forbids the whole file");
    }
    if (item.file.size == 0) {
        const auto stored = context.services.releases.blobs().put({});
        item.here = stored.has_value();
        if (!stored) co_return Step::disk(stored.error());
        co_return std::nullopt;
    }
    Download download;
    download.target = "/v1/blobs/" + item.file.sha256.hex();
    download.file = full_path(context.services.state.partials(), item);
    download.size = item.file.size;
    auto watch = make_watch(context);
    const auto outcome = co_await download_once(context.services.line, std::move(download), watch);
    note_kept(context, item, watch.kept);
    if (!outcome) {
        auto step = judge_error(context, watch, outcome.error());
        if (watch.bad_answer && context.bad_answers >= max_bad_answers) {
            co_return Step::refuse("corrupt", outcome.error().message);
        }
        co_return step;
    }
    if (outcome->state == DownloadState::complete) co_return co_await adopt(context, item);
    context.bad_answers += 1;
    const auto error = fail(Errc::not_found, "the hub does not have " + item.file.path);
    if (context.bad_answers >= max_bad_answers) co_return Step::refuse("not_found", error.message);
    co_return Step::retry(error);
}

boost::asio::awaitable<Stop> fetch_file(UpdateContext& context, MissingFile& item) {
    const auto before = context.progress_bytes;
    if (item.base) {
        auto stop = co_await fetch_delta(context, item);
        if (stop) co_return stop;
    }
    if (!item.delta_ready) {
        auto stop = co_await fetch_full(context, item);
        if (stop) co_return stop;
    }
    // A delta brings the whole file with fewer bytes.
    context.progress_bytes = before;
    note_progress(context, item.file.size);
    co_return std::nullopt;
}

}  // namespace

boost::asio::awaitable<Step> fetch(UpdateContext& context) {
    for (auto& item : context.missing) {
        if (item.here || item.delta_ready) continue;
        if (context.preempted()) co_return Step::interrupted();
        auto stop = co_await fetch_file(context, item);
        if (stop) co_return *stop;
    }
    co_return Step::go(UpdateState::assemble);
}

}  // namespace strandline::agent
