#include "net/response_sender.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "net/file_plan.h"
#include "net/file_sender.h"
#include "net/response_head.h"

namespace strandline::net {
namespace {

// One write of a copied body. A client slower than this per idle timeout is cut.
constexpr std::size_t piece_bytes = 64 * 1024;

struct Job {
    SendContext context;
    SendRequest request;
    std::string head;
    bool head_sent = false;
};

void extend_deadline(const SendContext& context) {
    context.stream->set_deadline(Deadline::after(context.idle_timeout));
}

/// Sends `bytes`, together with the head if that is still due.
asio::awaitable<Status> send_piece(Job& job, ByteSpan bytes) {
    const std::array<ByteSpan, 2> pieces = {
        job.head_sent ? ByteSpan{} : as_bytes(std::string_view(job.head)), bytes};
    job.head_sent = true;
    extend_deadline(job.context);
    auto sent = co_await job.context.stream->write(pieces);
    if (sent) job.context.notice->add(bytes.size());
    co_return sent;
}

asio::awaitable<Status> send_bytes(Job& job, ByteSpan bytes, std::uint64_t rate) {
    Pacer pacer(rate, std::chrono::steady_clock::now());
    do {
        CO_TRY(co_await wait_for_turn(*job.context.stream, *job.context.wake, pacer));
        const auto size = std::min(pacer.piece(piece_bytes), bytes.size());
        CO_TRY(co_await send_piece(job, bytes.first(size)));
        pacer.sent(size);
        bytes = bytes.subspan(size);
    } while (!bytes.empty());
    co_return Status{};
}

bool has_no_body(int status) { return status == 204 || status == 304 || status / 100 == 1; }

HeadFrame frame_of(const Job& job, int status) {
    HeadFrame frame;
    frame.status = status;
    frame.keep_alive = job.request.keep_alive;
    frame.http_1_0 = job.request.http_1_0;
    frame.server_name = job.context.server_name;
    frame.date = job.context.date;
    return frame;
}

/// Turns a 200 into a 304 when the client has that representation already.
void apply_condition(const SendRequest& request, Response& response) {
    const bool reading = request.method == Method::get || request.method == Method::head;
    if (!reading || response.status != 200) return;
    const auto known = request.headers->find("If-None-Match");
    const auto etag = response.headers.find("ETag");
    if (known && etag && etag_matches(*known, *etag)) response.status = 304;
}

asio::awaitable<Status> send_text(Job& job, Response& response, std::string_view text) {
    apply_condition(job.request, response);
    auto frame = frame_of(job, response.status);
    const bool bodyless = has_no_body(response.status);
    if (!bodyless) frame.content_length = text.size();
    write_response_head(job.head, frame, response.headers);
    const bool silent = bodyless || job.request.method == Method::head;
    const auto body = silent ? ByteSpan{} : as_bytes(text);
    const auto rate = response.max_bytes_per_second;
    if (rate == 0 && body.size() <= piece_bytes) co_return co_await send_piece(job, body);
    co_return co_await send_bytes(job, body, rate);
}

asio::awaitable<Status> send_file(Job& job, Response& response, const FileBody& body) {
    FilePlan plan;
    plan.status = response.status;
    plan.length = body.size;
    const bool reading = job.request.method == Method::get || job.request.method == Method::head;
    if (response.status == 200 && reading) {
        plan = plan_file(job.request.method, *job.request.headers, body.size, body.etag);
        response.headers.set("Accept-Ranges", "bytes");
    }
    response.status = plan.status;
    if (!body.etag.empty()) response.headers.set("ETag", body.etag);
    if (!plan.content_range.empty()) response.headers.set("Content-Range", plan.content_range);
    if (plan.status == 416) response.headers.erase("Content-Type");
    auto frame = frame_of(job, plan.status);
    if (plan.status != 304) frame.content_length = plan.length;
    write_response_head(job.head, frame, response.headers);
    if (job.request.method == Method::head || plan.length == 0)
        co_return co_await send_piece(job, ByteSpan());
    FilePart part;
    part.file = body.file;
    part.offset = plan.offset;
    part.length = plan.length;
    part.max_bytes_per_second = response.max_bytes_per_second;
    part.shared_rate = response.shared_rate;
    co_return co_await send_file_part(job.context, std::move(job.head), std::move(part));
}

asio::awaitable<Status> send_streamed(Job& job, Response& response, StreamBody body) {
    auto frame = frame_of(job, response.status);
    const bool bodyless = has_no_body(response.status) || job.request.method == Method::head;
    frame.chunked = !has_no_body(response.status) && !job.request.http_1_0;
    // Without chunked coding only the end of the connection can end the body.
    if (job.request.http_1_0) frame.keep_alive = job.request.keep_alive = false;
    write_response_head(job.head, frame, response.headers);
    CO_TRY(co_await send_piece(job, ByteSpan()));
    if (bodyless) co_return Status{};
    co_return co_await send_stream(job.context, std::move(body), frame.chunked,
                                   response.max_bytes_per_second);
}

asio::awaitable<Status> send_by_kind(Job& job, Response& response) {
    if (auto* const text = std::get_if<std::string>(&response.body)) {
        return send_text(job, response, *text);
    }
    if (auto* const shared = std::get_if<std::shared_ptr<const std::string>>(&response.body)) {
        return send_text(job, response, **shared);
    }
    if (auto* const file = std::get_if<FileBody>(&response.body)) {
        return send_file(job, response, *file);
    }
    return send_streamed(job, response, std::get<StreamBody>(response.body));
}

}  // namespace

void SentNotice::arm(std::function<void(std::uint64_t, bool)> on_sent) {
    fire(false);
    on_sent_ = std::move(on_sent);
    bytes_ = 0;
}

void SentNotice::fire(bool complete) {
    const auto on_sent = std::exchange(on_sent_, nullptr);
    if (!on_sent) return;
    try {
        on_sent(bytes_, complete);
    } catch (const std::exception& error) {
        log_error("on_sent callback failed what={}", error.what());
    }
}

std::size_t Pacer::piece(std::size_t largest) const {
    constexpr std::uint64_t smallest = 1024;
    if (shared_ != nullptr) largest = shared_->piece(largest);
    if (rate_ == 0) return largest;
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(rate_ / 10, smallest, largest));
}

void Pacer::book(std::size_t size) {
    if (shared_ == nullptr || size <= credit_) return;
    booked_ = shared_->book(size - credit_);
    credit_ = size;
    again_ = false;
}

void Pacer::sent(std::size_t size) {
    bytes_ += size;
    credit_ -= std::min(credit_, size);
    if (shared_ != nullptr) shared_->count_sent(size);
}

bool Pacer::missed_turn() {
    if (shared_ == nullptr || again_ || !shared_->missed(booked_)) return false;
    again_ = true;
    booked_ = shared_->book_again(credit_);
    return true;
}

SteadyTime Pacer::next() const {
    if (rate_ == 0) return std::max(start_, booked_);
    const auto whole = std::chrono::seconds(bytes_ / rate_);
    const auto part = std::chrono::microseconds(bytes_ % rate_ * 1'000'000 / rate_);
    return std::max(start_ + whole + part, booked_);
}

asio::awaitable<Status> wait_for_turn(Stream& stream, Signal& wake, Pacer& pacer) {
    if (!pacer.limited()) co_return Status{};
    do {
        const auto at = pacer.next();
        while (at > std::chrono::steady_clock::now()) {
            if (stream.interrupted()) co_return *stream.interrupted();
            stream.set_deadline(Deadline::never());
            const auto span = at - std::chrono::steady_clock::now();
            co_await wake.wait(Deadline::after(span));
        }
    } while (pacer.missed_turn());
    co_return Status{};
}

asio::awaitable<SendOutcome> send_response(SendContext context, SendRequest request,
                                           Response& response) {
    Job job;
    job.context = std::move(context);
    job.request = request;
    auto* const notice = job.context.notice;
    notice->arm(std::move(response.on_sent));
    const auto connection = response.headers.find("Connection");
    if (connection && equals_ignoring_case(*connection, "close")) job.request.keep_alive = false;
    const auto sent = co_await send_by_kind(job, response);
    if (!sent) log_debug("response cut reason=\"{}\"", sent.error().message);
    notice->fire(sent.has_value());
    SendOutcome outcome;
    outcome.status = response.status;
    outcome.complete = sent.has_value();
    outcome.keep_alive = outcome.complete && job.request.keep_alive;
    co_return outcome;
}

}  // namespace strandline::net
