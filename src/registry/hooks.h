#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/sql/database.h"
#include "trust/envelope.h"

namespace strandline::registry {

/// Signs a payload of a fixed type: a lambda over sign_envelope(), the type and today's key, so
/// that the domain never holds a private key. Called from any thread.
using Signer = std::function<Result<trust::Envelope>(std::string payload)>;

/// Records an event (type, JSON object) inside the caller's transaction, so that an event exists
/// exactly when its cause was committed. fleet::EventLog::sink() makes one; empty is allowed.
using EventSink = std::function<Status(store::Transaction& transaction, std::string_view type,
                                       std::string_view data)>;

}  // namespace strandline::registry
