#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/hub/identity.h"
#include "base/result.h"

// The JSON bodies that agent and hub exchange, where trust/ does not define them.
namespace strandline::agent {

struct EnrollRequest {
    std::string token;
    std::string csr;
    std::string name;  ///< empty lets the hub choose
    std::map<std::string, std::string> labels;
    std::string arch;
};

struct EnrollAnswer {
    HubAddress address;
    std::string certificate_pem;
    std::string ca_pem;
    std::string keyset;  ///< envelope as text
};

/// R/b/announce: herd parameters of the whole fleet.
struct Announcement {
    std::chrono::milliseconds spread{0};
    std::chrono::milliseconds reconnect_window{0};
    std::optional<std::chrono::milliseconds> poll_interval;
};

[[nodiscard]] std::string to_json(const EnrollRequest& request);
[[nodiscard]] Result<EnrollAnswer> enroll_answer_from_json(std::string_view text);
[[nodiscard]] std::string renew_request_json(std::string_view csr_pem);
[[nodiscard]] Result<std::string> renew_answer_from_json(std::string_view text);
[[nodiscard]] Result<Announcement> announcement_from_json(std::string_view text);

/// A desired-state message is the envelope itself, or a pointer to it when that is large: true for
/// a pointer, which says no more than "fetch it".
[[nodiscard]] Result<bool> is_desired_pointer(std::string_view text);

/// The hub's version in its answer to whoami, if it says.
[[nodiscard]] std::optional<std::string> version_in(std::string_view whoami);

/// R/d/{device}/up/state.
[[nodiscard]] std::string presence_json(std::string_view state, std::int64_t boot);

/// agent.json: how to reach the running agent.
struct RuntimeInfo {
    int pid = 0;
    std::string device;
    std::string serve_address;  ///< empty when nothing is served
    std::uint16_t serve_port = 0;
    /// "http://127.0.0.1:8500", or empty.
    [[nodiscard]] std::string serve_url() const;
};
[[nodiscard]] std::string to_json(const RuntimeInfo& info);

}  // namespace strandline::agent
