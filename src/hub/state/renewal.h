#pragma once

#include <functional>

#include "hub/state/loaded_files.h"
#include "hub/state/revocations.h"
#include "hub/state/tls_material.h"

namespace strandline::hub {

/// Makes certificates and the revocation list anew in time, and has those who hold them in memory
/// load them: server and broker independent of each other. What fails is tried again in the next
/// round. Thread-safe; blocks.
class Renewal {
public:
    struct Parts {
        const TlsFiles& files;
        Revocations& revocations;
        std::function<Result<bool>()> make_certificates;  ///< those that are due
        LoadedFiles::Load load_server;
        LoadedFiles::Load load_broker;  ///< empty: an external one, which is not ours to tell
    };

    /// Server and broker have the files as they are now.
    explicit Renewal(Parts parts);

    /// The first failure, after every step was tried.
    [[nodiscard]] Status round();
    /// Brings the list as of now to the broker.
    [[nodiscard]] Status spread_revocations();
    /// The server could not use what it loaded.
    void server_failed() { server_.forget(); }

private:
    [[nodiscard]] Status tell_broker();

    Parts parts_;
    LoadedFiles server_;
    LoadedFiles broker_;
};

}  // namespace strandline::hub
