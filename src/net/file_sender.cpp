#include "net/file_sender.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/page_cache.h"

namespace strandline::net {
namespace {

// Also what is looked up in, and fetched into, the page cache at once. A client slower than this
// per idle timeout is cut.
constexpr std::size_t piece_bytes = 1024 * 1024;
// What may be sent without a pause before other connections get their turn.
constexpr std::uint64_t fair_bytes = 4 * 1024 * 1024;

class FileSender {
public:
    FileSender(SendContext context, std::string head, FilePart part)
        : context_(std::move(context)),
          head_(std::move(head)),
          part_(std::move(part)),
          pacer_(part_.max_bytes_per_second, std::chrono::steady_clock::now(),
                 part_.shared_rate.get()) {}

    asio::awaitable<Status> run() {
        CO_TRY(co_await fetch());
        CO_TRY(co_await send_head());
        std::uint64_t since_pause = 0;
        while (done_ < part_.length) {
            const auto before = done_;
            CO_TRY(co_await send_piece());
            since_pause += done_ - before;
            if (since_pause < fair_bytes) continue;
            since_pause = 0;
            co_await asio::post(asio::use_awaitable);
        }
        co_return Status{};
    }

private:
    [[nodiscard]] std::size_t next_size(std::size_t largest) const {
        return static_cast<std::size_t>(
            std::min<std::uint64_t>(pacer_.piece(largest), part_.length - done_));
    }

    void count(std::size_t sent) {
        done_ += sent;
        pacer_.sent(sent);
        context_.notice->add(sent);
    }

    asio::awaitable<Status> take_turn(std::size_t size) {
        pacer_.book(size);
        return wait_for_turn(*context_.stream, *context_.wake, pacer_);
    }

    void extend_deadline() {
        context_.stream->set_deadline(Deadline::after(context_.idle_timeout));
    }

    /// Makes sure that the next piece needs no disk. A whole record of TLS is always within what
    /// was fetched: one that the socket did not take is sent again, and may not be shorter then.
    asio::awaitable<Status> fetch() {
        if (fetched_ == part_.length || done_ + max_record_bytes <= fetched_) co_return Status{};
        const auto offset = part_.offset + done_;
        const auto size = std::min<std::uint64_t>(piece_bytes, part_.length - done_);
        fetched_ = done_ + size;
        if (is_cached(part_.file->get(), offset, size)) co_return Status{};
        context_.stream->set_deadline(Deadline::never());
        std::function<Result<bool>()> work = [file = part_.file, offset, size]() -> Result<bool> {
            TRY(load_into_cache(file->get(), offset, size));
            return true;
        };
        const auto loaded = co_await context_.runtime->offload<bool>(std::move(work));
        // With every pool thread taken the file is read where it is sent.
        if (!loaded && loaded.error().code != Errc::exhausted) co_return loaded.error();
        co_return Status{};
    }

    /// With TLS the first bytes share the head's record, so that a small file is one packet.
    asio::awaitable<Status> send_head() {
        std::size_t added = 0;
        if (context_.stream->is_tls() && head_.size() < max_record_bytes) {
            added = next_size(max_record_bytes - head_.size());
            CO_TRY(co_await take_turn(added));
            const auto at = head_.size();
            head_.resize(at + added);
            const auto room = std::as_writable_bytes(std::span(head_)).subspan(at);
            CO_TRY(read_exactly_at(part_.file->get(), part_.offset, room));
        }
        extend_deadline();
        const std::array<ByteSpan, 1> pieces = {as_bytes(std::string_view(head_))};
        CO_TRY(co_await context_.stream->write(pieces, added < part_.length));
        count(added);
        co_return Status{};
    }

    asio::awaitable<Status> send_piece() {
        CO_TRY(co_await fetch());
        const auto size =
            std::min(next_size(piece_bytes), static_cast<std::size_t>(fetched_ - done_));
        CO_TRY(co_await take_turn(size));
        extend_deadline();
        CO_TRY(const auto sent,
               co_await context_.stream->send_file(part_.file->get(), part_.offset + done_, size));
        count(sent);
        co_return Status{};
    }

    SendContext context_;
    std::string head_;
    FilePart part_;
    Pacer pacer_;
    std::uint64_t done_ = 0;
    std::uint64_t fetched_ = 0;
};

}  // namespace

asio::awaitable<Status> send_file_part(SendContext context, std::string head, FilePart part) {
    FileSender sender(std::move(context), std::move(head), std::move(part));
    co_return co_await sender.run();
}

}  // namespace strandline::net
