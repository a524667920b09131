#pragma once

#include <map>
#include <string>

#include "agent/disk/state_folder.h"
#include "base/random.h"
#include "net/runtime.h"

namespace strandline::agent {

struct EnrollOptions {
    std::string hub_url;
    std::string token;  ///< text of a join token
    std::string name;   ///< empty lets the hub choose
    std::map<std::string, std::string> labels;
};

/// Makes a key, has the hub certify it, and stores the identity. The hub is authenticated by the CA
/// hash in the token, so nothing about it must be known before. An agent that is enrolled already
/// is `conflict`. The private key never leaves this device. Answers the device id.
[[nodiscard]] net::Task<std::string> enroll(net::Runtime& runtime, StateFolder state,
                                            EnrollOptions options);

}  // namespace strandline::agent
