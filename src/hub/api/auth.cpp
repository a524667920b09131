#include "hub/api/auth.h"

#include <fmt/core.h>
#include <utility>

#include "hub/api/proven_identities.h"

namespace strandline::hub {
namespace {

// RFC 6750 section 2.1; the scheme compares without case (RFC 9110 section 11.1).
std::optional<std::string> bearer_of(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    if (authorization.size() <= scheme.size()) return std::nullopt;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        const char c = authorization[i];
        const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (low != scheme[i]) return std::nullopt;
    }
    return std::string(authorization.substr(scheme.size()));
}

fleet::Role needed_role(Access access) {
    if (access == Access::admin) return fleet::Role::admin;
    return access == Access::operators ? fleet::Role::operator_ : fleet::Role::viewer;
}

}  // namespace

std::string Caller::actor() const {
    if (kind == Kind::nobody) return "nobody";
    return is_device() ? "device:" + name : name;
}

Credentials Credentials::of(const net::Request& request) {
    Credentials out;
    if (const auto value = request.headers.find("Authorization")) out.bearer = bearer_of(*value);
    out.common_name = request.peer.common_name;
    out.serial = request.peer.certificate_serial.value_or("");
    out.address = request.peer.address;
    return out;
}

Result<Caller> Authenticator::identify(const Credentials& credentials, Access access) const {
    if (access == Access::open) return Caller{.address = credentials.address};
    if (!credentials.bearer && !credentials.common_name) {
        return fail(Errc::unauthenticated,
                    "a bearer token (operators) or a client certificate (devices) is needed");
    }
    if (proven_ != nullptr) {
        if (auto known = proven_->find(credentials)) return *std::move(known);
    }
    return prove(credentials);
}

Result<Caller> Authenticator::prove(const Credentials& credentials) const {
    const auto moment = proven_ != nullptr ? proven_->moment() : 0;
    ProvenIdentities::Proof proof;
    proof.caller.address = credentials.address;
    if (credentials.bearer) {
        TRY(const auto token, tokens_->authenticate(*credentials.bearer));
        proof.caller.kind = Caller::Kind::person;
        proof.caller.name = token.name;
        proof.caller.role = token.role;
        proof.expires = token.expires;
    } else {
        TRY(devices_->check_certificate(*credentials.common_name, credentials.serial));
        proof.caller.kind = Caller::Kind::device;
        proof.caller.name = *credentials.common_name;
    }
    if (proven_ != nullptr) proven_->keep(credentials, proof, moment);
    return std::move(proof.caller);
}

Status Authenticator::permit(const Caller& caller, Access access) {
    if (access == Access::open) return {};
    if (caller.is_device()) {
        if (access == Access::device || access == Access::device_or_viewer) return {};
        return fail(Errc::forbidden, "this is for operators, not for devices");
    }
    if (access == Access::device)
        return fail(Errc::forbidden, "this is for devices, not for operators");
    const auto needed = needed_role(access);
    if (caller.role < needed) {
        return fail(Errc::forbidden,
                    fmt::format("needs role {}, this token has {}", fleet::to_string(needed),
                                fleet::to_string(caller.role)));
    }
    return {};
}

Result<Caller> Authenticator::authorize(const Credentials& credentials, Access access) const {
    TRY(auto caller, identify(credentials, access));
    TRY(permit(caller, access));
    return caller;
}

std::optional<Result<Caller>> Authenticator::recall(const Credentials& credentials,
                                                    Access access) const {
    if (access == Access::open) return Caller{.address = credentials.address};
    if (proven_ == nullptr || (!credentials.bearer && !credentials.common_name)) return {};
    auto known = proven_->find(credentials);
    if (!known) return {};
    const auto permitted = permit(*known, access);
    if (!permitted) return permitted.error();
    return *std::move(known);
}

}  // namespace strandline::hub
