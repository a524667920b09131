#pragma once

#include <optional>
#include <string>

#include "fleet/device_store.h"
#include "fleet/operator_token_store.h"
#include "net/http_message.h"

namespace strandline::hub {

/// Who may use a route.
enum class Access { open, device, device_or_viewer, viewer, operators, admin };

/// Who made a request, once that is proved.
struct Caller {
    enum class Kind { nobody, device, person };
    Kind kind = Kind::nobody;
    std::string name = {};  ///< device id, or name of the operator's token
    fleet::Role role = fleet::Role::viewer;
    std::string address = {};
    /// What the request is about, for the audit log; the path unless a handler knows better.
    std::string object = {};

    /// How the audit log calls it: "device:ID" or the operator's name.
    [[nodiscard]] std::string actor() const;
    [[nodiscard]] bool is_device() const { return kind == Kind::device; }
};

/// What a request shows of its sender; copied out of it, so that a worker thread can judge it.
struct Credentials {
    std::optional<std::string> bearer;
    std::optional<std::string> common_name;
    std::string serial;
    std::string address;

    [[nodiscard]] static Credentials of(const net::Request& request);
};

class ProvenIdentities;

/// Proves identities: bearer tokens of operators, client certificates of devices. A revocation
/// counts from the next request on. Thread-safe.
class Authenticator {
public:
    /// `proven` remembers who was proved; without it every call asks the database, as it must when
    /// other processes change that too.
    Authenticator(const fleet::OperatorTokenStore& tokens, const fleet::DeviceStore& devices,
                  ProvenIdentities* proven = nullptr)
        : tokens_(&tokens), devices_(&devices), proven_(proven) {}

    /// `unauthenticated` without a valid credential, `forbidden` when it does not reach far enough.
    /// May block on the database.
    [[nodiscard]] Result<Caller> authorize(const Credentials& credentials, Access access) const;
    /// Who it is; an open route takes anybody unasked. May block on the database.
    [[nodiscard]] Result<Caller> identify(const Credentials& credentials, Access access) const;
    /// Whether a known caller reaches far enough.
    [[nodiscard]] static Status permit(const Caller& caller, Access access);
    /// authorize() from memory alone; nothing when only the database can tell. Never blocks.
    [[nodiscard]] std::optional<Result<Caller>> recall(const Credentials& credentials,
                                                       Access access) const;

private:
    [[nodiscard]] Result<Caller> prove(const Credentials& credentials) const;

    const fleet::OperatorTokenStore* tokens_;
    const fleet::DeviceStore* devices_;
    ProvenIdentities* proven_;
};

}  // namespace strandline::hub
