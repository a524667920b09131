#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string_view>

namespace strandline::net {

/// Tells the service manager that started us how we are (sd_notify(3)): "READY=1", "STOPPING=1",
/// "STATUS=text". Without one listening nothing happens; a lost message is only logged.
void notify_service(std::string_view state);
/// Announces that the configuration is being read again; "READY=1" ends it.
void notify_reloading();

/// How often the service manager wants a sign of life, if it does.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

/// Gives the signs of life, from the event loop, so that a loop that hangs gets us restarted. Ends
/// at once where none are wanted, else never: it dies with the runtime.
[[nodiscard]] boost::asio::awaitable<void> keep_watchdog();

/// Asks for more time to start, from the event loop, until `ready`, which must outlive the runtime:
/// a start that is slow and goes on is not a failure. Ends at once without a service manager.
[[nodiscard]] boost::asio::awaitable<void> extend_start(
    const bool& ready, std::chrono::milliseconds interval = std::chrono::seconds(20));

}  // namespace strandline::net
