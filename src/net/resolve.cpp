#include "net/resolve.h"

#include <array>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <optional>
#include <sys/socket.h>
#include <system_error>
#include <thread>

#include "net/runtime.h"

namespace strandline::net {
namespace {

using Found = Result<std::vector<Endpoint>>;

// Look-ups that hang stay until the system gives them up, often for half a minute each.
constexpr int max_lookups = 16;

/// How many look-ups run now; counts by being alive.
class Place {
public:
    [[nodiscard]] static std::optional<Place> take() {
        if (running().fetch_add(1) < max_lookups) return Place();
        running().fetch_sub(1);
        return std::nullopt;
    }
    Place(Place&& other) noexcept : held_(std::exchange(other.held_, false)) {}
    Place& operator=(Place&&) = delete;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        if (held_) running().fetch_sub(1);
    }

private:
    Place() = default;
    // Of the process, as its threads are.
    static std::atomic<int>& running() {
        static std::atomic<int> count{0};
        return count;
    }
    bool held_ = true;
};

/// Where the answer goes, until nobody waits for it any more. Shared with the thread that looks up,
/// which may outlast the event loop.
class Address {
public:
    explicit Address(std::function<void(Found)> deliver) : deliver_(std::move(deliver)) {}

    void send(Found found) {
        const std::lock_guard lock(mutex_);
        if (deliver_) deliver_(std::move(found));
    }
    void withdraw() {
        const std::lock_guard lock(mutex_);
        deliver_ = nullptr;
    }

private:
    std::mutex mutex_;
    std::function<void(Found)> deliver_;
};

/// Withdraws the address when the coroutine ends, also when it is destroyed with the event loop.
class Withdrawal {
public:
    explicit Withdrawal(std::shared_ptr<Address> address) : address_(std::move(address)) {}
    Withdrawal(const Withdrawal&) = delete;
    Withdrawal& operator=(const Withdrawal&) = delete;
    ~Withdrawal() { address_->withdraw(); }

private:
    std::shared_ptr<Address> address_;
};

/// The waiting side, on the I/O thread only.
struct Waiting {
    explicit Waiting(const asio::any_io_executor& executor) : signal(executor) {}
    Signal signal;
    std::optional<Found> found;
};

struct Query {
    Lookup lookup;
    std::string host;
    std::uint16_t port = 0;
};

Status start_thread(Query query, std::shared_ptr<Address> address) {
    auto place = Place::take();
    if (!place) {
        return fail(Errc::unavailable,
                    fmt::format("looking up {}: {} look-ups are hanging; check the name server",
                                query.host, max_lookups));
    }
    try {
        std::thread([query = std::move(query), address = std::move(address),
                     place = *std::move(place)] {
            address->send(query.lookup(query.host, query.port));
        }).detach();
    } catch (const std::system_error& error) {
        return fail(Errc::unavailable,
                    fmt::format("no thread to look a host up: {}", error.what()));
    }
    return {};
}

}  // namespace

Found system_lookup(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (failed != 0) {
        const char* const why =
            failed == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failed);
        return fail(Errc::unavailable,
                    fmt::format("host name {} cannot be resolved: {}", host, why));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
    std::vector<Endpoint> endpoints;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0,
                          NI_NUMERICHOST) != 0)
            continue;
        endpoints.push_back({text.data(), port});
    }
    if (!endpoints.empty()) return endpoints;
    return fail(Errc::unavailable, fmt::format("host name {} has no address", host));
}

asio::awaitable<Found> resolve(std::string host, std::uint16_t port, Deadline deadline,
                               Lookup lookup) {
    boost::system::error_code not_literal;
    const auto literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) {
        std::vector<Endpoint> one(1);
        one[0].address = literal.to_string();
        one[0].port = port;
        co_return one;
    }
    const auto executor = co_await asio::this_coro::executor;
    auto waiting = std::make_shared<Waiting>(executor);  // shared with the posted answer
    std::function<void(Found)> deliver = [waiting, executor](Found found) {
        asio::post(executor, [waiting, found = std::move(found)]() mutable {
            waiting->found = std::move(found);
            waiting->signal.notify();
        });
    };
    const auto address = std::make_shared<Address>(std::move(deliver));
    const Withdrawal withdrawal(address);
    Query query{std::move(lookup), host, port};
    CO_TRY(start_thread(std::move(query), address));
    if (!co_await waiting->signal.wait(deadline)) {
        co_return fail(Errc::timeout, fmt::format("looking up {} took too long", host));
    }
    co_return *std::move(waiting->found);
}

}  // namespace strandline::net
