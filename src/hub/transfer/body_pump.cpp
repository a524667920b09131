#include "hub/transfer/body_pump.h"

#include <fmt/core.h>
#include <memory>
#include <utility>

namespace strandline::hub {
namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;

// Fills the buffer as far as the body reaches: few, large writes on the pool.
net::Task<std::size_t> fill(net::BodyReader& body, std::span<std::byte> out) {
    std::size_t used = 0;
    while (used < out.size()) {
        CO_TRY(const auto count, co_await body.read(out.subspan(used)));
        if (count == 0) break;
        used += count;
    }
    co_return used;
}

}  // namespace

net::Task<std::uint64_t> pump_body(net::Runtime& runtime, net::BodyReader& body, PieceSink sink,
                                   net::Work kind) {
    // Shared with the worker, which may outlast this coroutine.
    auto buffer = std::make_shared<Bytes>(piece_bytes);
    auto shared_sink = std::make_shared<PieceSink>(std::move(sink));
    std::uint64_t total = 0;
    while (true) {
        CO_TRY(const auto count, co_await fill(body, *buffer));
        if (count == 0) co_return total;
        std::function<Result<bool>()> work = [buffer, shared_sink, count]() -> Result<bool> {
            TRY((*shared_sink)(ByteSpan(*buffer).first(count)));
            return true;
        };
        CO_TRY(co_await runtime.offload<bool>(std::move(work), kind));
        total += count;
    }
}

net::Task<std::string> read_whole(net::BodyReader& body, std::size_t limit) {
    const auto too_long =
        fail(Errc::invalid, fmt::format("the body is longer than {} bytes", limit));
    // Said before the rest of it is waited for.
    const auto announced = body.length().value_or(limit);
    if (announced > limit) co_return too_long;
    Bytes buffer(static_cast<std::size_t>(announced) + 1);
    CO_TRY(const auto count, co_await fill(body, buffer));
    if (count > limit) co_return too_long;
    co_return std::string(as_text(ByteSpan(buffer).first(count)));
}

}  // namespace strandline::hub
