#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "agent/hub/hub_client.h"
#include "agent/transfer/byte_budget.h"
#include "agent/transfer/pace.h"

namespace strandline::agent {

/// One file to fetch from the hub.
struct Download {
    std::string target;  ///< path on the hub
    std::filesystem::path file;
    std::optional<std::uint64_t> size;  ///< where it is known beforehand
    std::uint64_t max_size = 0;         ///< of an answer whose size is not known beforehand
};

enum class DownloadState {
    complete,  ///< every byte is in the file
    building,  ///< 202: ask again later
    absent,    ///< 404
};

struct DownloadOutcome {
    DownloadState state = DownloadState::absent;
    std::optional<std::chrono::milliseconds> retry_after;
};

/// What all downloads of an agent share; borrowed.
struct DownloadLine {
    net::Runtime& runtime;
    HubClient& hub;
    Pace& pace;
    ByteBudget& budget;
};

/// What the caller sees of a running download, and how it ends it.
struct DownloadWatch {
    std::function<bool()> cancelled;                    ///< asked between pieces
    std::function<void(std::uint64_t bytes)> received;  ///< payload bytes, as they come
    bool disk_failed = false;                           ///< the error came from our own disk
    bool bad_answer =
        false;  ///< the error is an answer that makes no sense; what it gave is dropped
    bool budget_spent = false;  ///< the error is ours: no more bytes today; what came is kept
    std::uint64_t found = 0;    ///< bytes of the file that were there before this try,
    std::uint64_t kept = 0;     ///< and after it
};

/// One try: goes on where the file ends (If-Range), starts anew when the hub answers with the whole
/// file or another version of it, and treats a 416 as complete only when every byte is there. Asks
/// for no more bytes than the day's budget has left. `line` and `watch` are borrowed. Errors:
/// `cancelled`, `unavailable`, `timeout`, `exhausted` with Retry-After, `corrupt` for answers that
/// contradict themselves or the expected size.
[[nodiscard]] net::Task<DownloadOutcome> download_once(DownloadLine& line, Download download,
                                                       DownloadWatch& watch);

/// Start and total of "bytes 5-9/10".
struct ContentRange {
    std::uint64_t start = 0;
    std::uint64_t total = 0;
};
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace strandline::agent
