#include "cli/upload.h"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <fmt/core.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "base/backoff.h"
#include "base/file.h"

namespace strandline::cli {
namespace {

constexpr std::size_t journal_limit = std::size_t{1} << 20;
// After the last byte the hub syncs and hashes the file before it answers: minutes for 16 GiB.
constexpr std::chrono::minutes answer_limit{15};

// The rest of an open file, as a request body.
class FileReader final : public net::BodyReader {
public:
    FileReader(int fd, std::uint64_t offset, std::uint64_t end, const UploadOptions& options)
        : fd_(fd), offset_(offset), start_(offset), end_(end), options_(&options) {}

    [[nodiscard]] boost::asio::awaitable<Result<std::size_t>> read(
        std::span<std::byte> out) override {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end_ - offset_));
        if (wanted == 0) co_return std::size_t{0};
        const Status got = read_exactly_at(fd_, offset_, out.first(wanted));
        if (!got) co_return got.error();
        offset_ += wanted;
        if (options_->progress) options_->progress(offset_);
        co_return wanted;
    }
    [[nodiscard]] std::optional<std::uint64_t> length() const override { return end_ - start_; }
    [[nodiscard]] std::uint64_t sent() const { return offset_ - start_; }

private:
    int fd_;
    std::uint64_t offset_;
    std::uint64_t start_;
    std::uint64_t end_;
    const UploadOptions* options_;
};

std::string journal_key(const HubClient& hub, const BundleFile& file) {
    return hub.url() + "#" + file.sha256.hex();
}

Document read_journal(const UploadOptions& options) {
    const auto text = read_text_file(options.journal, journal_limit);
    auto document = Document::parse(text ? *text : "{}", "upload journal");
    // A damaged journal only costs the resume.
    return document ? *std::move(document) : Document::parse("{}", "").value();
}

void remember(const HubClient& hub, const BundleFile& file, const UploadOptions& options,
              std::string_view location) {
    ObjectBuilder object;
    const std::string key = journal_key(hub, file);
    for (const auto& [name, value] : read_journal(options).fields()) {
        if (name != key) object.text(name, value.text());
    }
    if (!location.empty()) object.text(key, location);
    if (make_folders(options.journal.parent_path())) {
        ignore(write_file_atomically(options.journal, as_bytes(object.json())),
               "only the resume depends on it");
    }
}

std::string known_location(const HubClient& hub, const BundleFile& file,
                           const UploadOptions& options) {
    const std::string key = journal_key(hub, file);
    for (const auto& [name, value] : read_journal(options).fields()) {
        if (name == key) return value.text();
    }
    return {};
}

std::optional<std::uint64_t> offset_of(const net::ClientResponse& response) {
    const auto text = response.headers.find("Upload-Offset");
    std::uint64_t offset = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), offset).ec != std::errc{}) {
        return std::nullopt;
    }
    return offset;
}

struct Session {
    std::string location;
    std::uint64_t offset = 0;
};

net::ClientRequest tus_request(net::Method method, std::string url) {
    net::ClientRequest request;
    request.method = method;
    request.url = std::move(url);
    request.headers.set("Tus-Resumable", "1.0.0");
    request.deadline = Deadline::after(std::chrono::seconds(60));
    return request;
}

// Where an earlier run stopped, if the hub still knows it.
Result<std::optional<Session>> find_session(HubClient& hub, const std::string& location) {
    if (location.empty()) return std::optional<Session>{};
    TRY(const auto response, hub.send(tus_request(net::Method::head, location)));
    // Anything else says nothing about the upload: a hub that restarts must not lose it.
    if (response.status == 404 || response.status == 410) return std::optional<Session>{};
    if (response.status >= 400) return net::to_error(response, "resume an upload");
    const auto offset = offset_of(response);
    if (!offset) return fail(Errc::corrupt, "the hub's answer has no Upload-Offset");
    return std::optional<Session>(Session{location, *offset});
}

Result<Session> open_session(HubClient& hub, const BundleFile& file) {
    auto request = tus_request(net::Method::post, "/v1/uploads");
    request.headers.set("Upload-Length", std::to_string(file.size));
    request.headers.set("Upload-Metadata",
                        fmt::format("sha256 {},filename {}", to_base64(as_bytes(file.sha256.hex())),
                                    to_base64(as_bytes(file.path))));
    TRY(const auto response, hub.send(std::move(request)));
    if (response.status >= 400) return net::to_error(response, "begin upload of " + file.path);
    const auto location = response.headers.find("Location");
    if (!location) return fail(Errc::corrupt, "the hub's answer to an upload has no Location");
    return Session{std::string(*location), offset_of(response).value_or(0)};
}

// One PATCH with the rest of the file. A cut connection is an error; the offset is asked for again.
Result<bool> send_rest(HubClient& hub, const BundleFile& file, const Session& session,
                       const UploadOptions& options, Uploaded& totals) {
    TRY(const auto fd, open_file(file.source, O_RDONLY));
    FileReader reader(fd.get(), session.offset, file.size, options);
    auto request = tus_request(net::Method::patch, session.location);
    request.headers.set("Upload-Offset", std::to_string(session.offset));
    request.headers.set("Content-Type", "application/offset+octet-stream");
    request.stream = &reader;
    request.answer_timeout = answer_limit;
    request.deadline = Deadline::never();  // bounded by the client's idle limit, not by size
    auto response = hub.send(std::move(request));
    totals.bytes_sent += reader.sent();
    if (!response) return std::move(response).error();
    if (response->status >= 400) return net::to_error(*response, "upload " + file.path);
    return response->headers.find("Strandline-Blob").has_value();
}

// Content that the hub has, from whatever release, need not travel again.
Result<bool> hub_has(HubClient& hub, const BundleFile& file) {
    net::ClientRequest request;
    request.method = net::Method::head;
    request.url = "/v1/blobs/" + file.sha256.hex();
    request.deadline = Deadline::after(std::chrono::seconds(60));
    TRY(const auto response, hub.send(std::move(request)));
    if (response.status == 404) return false;
    if (response.status >= 400) return net::to_error(response, "look for " + file.path);
    return response.status == 200;
}

Result<bool> is_unchanged(const BundleFile& file) {
    TRY(const auto fd, open_file(file.source, O_RDONLY));
    TRY(const auto digest, sha256_of_file(fd.get()));
    return digest == file.sha256;
}

// One file on its way to the hub, through as many sessions and requests as that takes.
class Transfer {
public:
    Transfer(HubClient& hub, const BundleFile& file, const UploadOptions& options)
        : hub_(&hub), file_(&file), options_(&options) {}

    Result<Uploaded> run();

private:
    // Goes on where the hub stands; true when it has the file.
    Result<bool> step();
    // The session of this run or of an earlier one, else a new one.
    Result<Session> session(std::optional<Session> known);
    // Waits for what an error asks to be waited for; the error when nothing is left to try.
    Status wait_after(const Error& error);
    Status judge_corrupt(const Error& error);
    void note_progress(std::uint64_t offset);

    HubClient* hub_;
    const BundleFile* file_;
    const UploadOptions* options_;
    std::string location_;
    bool opened_ = false;       // the session is of this run
    bool checked_ = false;      // the file, after the hub got other bytes
    std::uint64_t offset_ = 0;  // where the hub stood last
    Backoff backoff_{std::chrono::milliseconds(200), std::chrono::seconds(10)};
    Backoff polling_{std::chrono::milliseconds(200), std::chrono::seconds(2)};
    std::optional<Deadline> busy_until_;  // while another request writes
    Uploaded totals_;
};

Result<Session> Transfer::session(std::optional<Session> known) {
    if (known) {
        if (!opened_ && totals_.bytes_sent == 0) totals_.resumed_at = known->offset;
        return *std::move(known);
    }
    TRY(auto opened, open_session(*hub_, *file_));
    location_ = opened.location;
    opened_ = true;
    remember(*hub_, *file_, *options_, location_);
    return opened;
}

// Attempts are counted in a row: where bytes arrived in between, a new row begins.
void Transfer::note_progress(std::uint64_t offset) {
    if (offset > offset_) {
        backoff_.reset();
        polling_.reset();
        busy_until_.reset();
    }
    offset_ = offset;
}

Result<bool> Transfer::step() {
    TRY(auto known, find_session(*hub_, location_));
    if (known) note_progress(known->offset);
    // Asked after the session: where a whole upload's answer was lost, its end made the blob.
    TRY(const bool there, hub_has(*hub_, *file_));
    if (there) return true;
    TRY(const auto session, this->session(std::move(known)));
    return send_rest(*hub_, *file_, session, *options_, totals_);
}

// Either the bytes were damaged on the way, which may be luck, or the file is not what was hashed.
Status Transfer::judge_corrupt(const Error& error) {
    TRY(const bool same, is_unchanged(*file_));
    if (!same) {
        return fail(Errc::corrupt,
                    file_->source.string() + " changed while it was uploaded; push again");
    }
    if (std::exchange(checked_, true)) return error;
    return {};
}

Status Transfer::wait_after(const Error& error) {
    if (error.code == Errc::conflict) {
        // The hub still writes or hashes what an earlier request sent: nothing has failed.
        if (!busy_until_) busy_until_ = Deadline::after(answer_limit);
        if (busy_until_->passed()) return error;
        std::this_thread::sleep_for(polling_.next());
        return {};
    }
    busy_until_.reset();
    if (error.code == Errc::corrupt)
        TRY(judge_corrupt(error));
    else if (!info(error.code).retryable)
        return error;
    if (backoff_.attempts() >= options_->max_attempts) return error;
    std::this_thread::sleep_for(
        std::max(backoff_.next(), error.retry_after.value_or(std::chrono::milliseconds{0})));
    return {};
}

Result<Uploaded> Transfer::run() {
    location_ = known_location(*hub_, *file_, *options_);
    for (;;) {
        const auto done = step();
        if (done && *done) {
            if (!location_.empty()) remember(*hub_, *file_, *options_, {});
            return totals_;
        }
        TRY(wait_after(done ? fail(Errc::unavailable,
                                   "upload " + file_->path + ": the hub did not complete it")
                            : done.error()));
    }
}

}  // namespace

Result<Uploaded> upload_file(HubClient& hub, const BundleFile& file, const UploadOptions& options) {
    return Transfer(hub, file, options).run();
}

}  // namespace strandline::cli
