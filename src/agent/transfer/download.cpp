#include "agent/transfer/download.h"

#include <charconv>
#include <utility>

#include "agent/transfer/partial_file.h"

namespace strandline::agent {
namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
    return value;
}

// What a power cut may cost, and what the disk has to take at once: an fsync of a whole model would
// keep a slow disk busy for minutes.
constexpr std::uint64_t max_unsynced = std::uint64_t{8} << 20;

/// On a worker: everything else goes on meanwhile.
boost::asio::awaitable<Status> sync(DownloadLine& line, PartialFile& file, DownloadWatch& watch) {
    auto job = file.sync_job();
    auto synced = co_await line.runtime.offload(std::move(job));
    watch.disk_failed = !synced;
    co_return synced;
}

/// Writes an answer's body where it belongs.
class PartialSink final : public net::ResponseSink {
public:
    PartialSink(PartialFile& file, const Download& download, DownloadLine& line,
                DownloadWatch& watch)
        : file_(&file), download_(&download), line_(&line), watch_(&watch) {}

    Result<bool> head(const net::ClientResponse& response) override {
        if (response.status == 206 || response.status == 200) TRY(check_form(response));
        if (response.status == 206) return accept_part(response);
        if (response.status == 200) return accept_whole(response);
        return false;
    }

    boost::asio::awaitable<Status> data(ByteSpan bytes) override {
        if (watch_->cancelled && watch_->cancelled()) {
            co_return fail(Errc::cancelled, "another order came");
        }
        line_->budget.spend(bytes.size());
        auto written = file_->append(bytes);
        if (!written) {
            (written.error().code == Errc::corrupt ? watch_->bad_answer : watch_->disk_failed) =
                true;
            co_return written;
        }
        if (watch_->received) watch_->received(bytes.size());
        if (file_->unsynced() >= max_unsynced) CO_TRY(co_await sync(*line_, *file_, *watch_));
        if (line_->budget.left() == 0 && !file_->complete()) {
            watch_->budget_spent = true;
            co_return fail(Errc::exhausted, "the bytes of this day are spent");
        }
        co_await line_->pace.take(bytes.size());
        co_return Status{};
    }

private:
    Error bad(std::string what) {
        watch_->bad_answer = true;
        return fail(Errc::corrupt, download_->target + ": " + std::move(what));
    }

    /// Bytes of a file come as they are: nothing else was asked for.
    Status check_form(const net::ClientResponse& response) {
        const auto coding = response.headers.find("Content-Encoding").value_or("identity");
        if (!net::equals_ignoring_case(coding, "identity"))
            return bad("comes in the encoding " + std::string(coding) + ", which nobody asked for");
        const auto type = response.headers.find("Content-Type").value_or("");
        if (type.starts_with("text/html") || type.starts_with("multipart/"))
            return bad("is answered with " + std::string(type) + " instead of bytes");
        return {};
    }

    Result<bool> accept_part(const net::ClientResponse& response) {
        const auto field = response.headers.find("Content-Range");
        const auto range = field ? parse_content_range(*field) : std::nullopt;
        if (!range) return bad("a partial answer without a usable Content-Range");
        if (range->start != file_->offset()) {
            return bad("asked for byte " + std::to_string(file_->offset()) + " and got byte " +
                       std::to_string(range->start));
        }
        // The first part of a file that the budget lets come only in parts.
        if (file_->record().size == 0) return begin(response, range->total);
        if (range->total != file_->record().size) return bad("its size changed");
        const auto etag = response.headers.find("ETag");
        if (etag && *etag != file_->record().etag)
            return bad("its ETag changed in a partial answer");
        return true;
    }

    Result<bool> accept_whole(const net::ClientResponse& response) {
        const auto field = response.headers.find("Content-Length");
        const auto length = field ? parse_number(*field) : download_->size;
        if (!length) return bad("an answer of unknown length");
        return begin(response, *length);
    }

    Result<bool> begin(const net::ClientResponse& response, std::uint64_t length) {
        // Nobody asks for a file without bytes, so waiting for them would never end.
        if (length == 0) return bad("an empty answer");
        if (download_->size && length != *download_->size) {
            return bad("has " + std::to_string(length) + " bytes instead of " +
                       std::to_string(*download_->size));
        }
        if (!download_->size && length > download_->max_size)
            return bad("is larger than it may be");
        auto restarted =
            file_->restart(std::string(response.headers.find("ETag").value_or("")), length);
        if (!restarted) {
            watch_->disk_failed = true;
            return restarted.error();
        }
        return true;
    }

    PartialFile* file_;
    const Download* download_;
    DownloadLine* line_;
    DownloadWatch* watch_;
};

net::ClientRequest range_request(const Download& download, const PartialFile& file,
                                 ByteBudget& budget) {
    net::ClientRequest request;
    request.url = download.target;
    const auto from = file.record().etag.empty() ? 0 : file.offset();
    const bool cut_short =
        budget.limited() && (!download.size || *download.size - from > budget.left());
    if (from == 0 && !cut_short) return request;
    const auto last = cut_short ? std::to_string(from + budget.left() - 1) : std::string{};
    request.headers.set("Range", "bytes=" + std::to_string(from) + "-" + last);
    if (from > 0) request.headers.set("If-Range", file.record().etag);
    return request;
}

/// Statuses whose meaning is not an error of the catalogue.
Result<DownloadOutcome> judge(const net::ClientResponse& response, const Download& download,
                              PartialFile& file, DownloadWatch& watch) {
    if (response.status == 202)
        return DownloadOutcome{DownloadState::building, net::retry_after(response)};
    if (response.status == 404) return DownloadOutcome{DownloadState::absent, std::nullopt};
    if (response.status == 416 && file.complete())
        return DownloadOutcome{DownloadState::complete, std::nullopt};
    if (response.status == 416) {
        watch.bad_answer = true;
        return fail(Errc::corrupt, download.target + ": the hub has fewer bytes than we do");
    }
    if (response.status != 200 && response.status != 206)
        return net::to_error(response, download.target);
    if (!file.complete()) {
        return fail(Errc::unavailable, download.target + ": ended after " +
                                           std::to_string(file.offset()) + " of " +
                                           std::to_string(file.record().size) + " bytes");
    }
    return DownloadOutcome{DownloadState::complete, std::nullopt};
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view unit = "bytes ";
    if (!text.starts_with(unit)) return std::nullopt;
    text.remove_prefix(unit.size());
    const auto dash = text.find('-');
    const auto slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
        return std::nullopt;
    const auto start = parse_number(text.substr(0, dash));
    const auto end = parse_number(text.substr(dash + 1, slash - dash - 1));
    const auto total = parse_number(text.substr(slash + 1));
    if (!start || !end || !total || *end < *start || *total <= *end) return std::nullopt;
    return ContentRange{*start, *total};
}

net::Task<DownloadOutcome> download_once(DownloadLine& line, Download download,
                                         DownloadWatch& watch) {
    watch.disk_failed = false;
    watch.bad_answer = false;
    watch.budget_spent = false;
    watch.found = watch.kept = 0;
    auto file = PartialFile::open(download.file, download.target);
    if (!file) {
        watch.disk_failed = true;
        co_return std::move(file).error();
    }
    watch.found = file->offset();
    if (file->complete() && (!download.size || *download.size == file->record().size)) {
        co_return DownloadOutcome{DownloadState::complete, std::nullopt};
    }
    if (line.budget.left() == 0) {
        watch.budget_spent = true;
        co_return fail(Errc::exhausted, "the bytes of this day are spent");
    }
    PartialSink sink(*file, download, line, watch);
    auto request = range_request(download, *file, line.budget);
    const auto response = co_await line.hub.download(std::move(request), sink);
    line.budget.settle();
    watch.kept = file->offset();
    auto outcome = response ? judge(*response, download, *file, watch)
                            : Result<DownloadOutcome>(response.error());
    // A part that the budget cut short ends like a line that was cut.
    if (!outcome && !file->complete() && line.budget.left() == 0) watch.budget_spent = true;
    if (watch.bad_answer)
        ignore(PartialFile::discard(download.file), "the next try starts anew anyway");
    if (outcome && outcome->state == DownloadState::complete) {
        auto synced = co_await sync(line, *file, watch);
        if (!synced) co_return std::move(synced).error();
    }
    co_return outcome;
}

}  // namespace strandline::agent
