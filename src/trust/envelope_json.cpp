#include <fmt/core.h>

#include "base/json.h"
#include "trust/envelope.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_envelope_bytes = std::size_t{1} << 20;
constexpr std::size_t max_signatures = 16;
constexpr std::size_t max_key_id = 128;

Result<Bytes> decoded(JsonReader& in, std::string_view key) {
    auto bytes = from_base64(in.text(key));
    if (!bytes) in.reject(key, "must be base64");
    return bytes;
}

Result<Signature> signature_of(const boost::json::value& value, std::size_t index) {
    JsonReader in(value, fmt::format("envelope.signatures[{}]", index));
    Signature signature;
    signature.key_id = in.text_or("keyid", "");
    if (signature.key_id.size() > max_key_id) in.reject("keyid", "is too long");
    signature.bytes = decoded(in, "sig").value_or(Bytes{});
    TRY(in.finish());
    return signature;
}

}  // namespace

std::string to_json(const Envelope& envelope) {
    boost::json::array signatures;
    for (const auto& signature : envelope.signatures) {
        signatures.push_back({{"keyid", signature.key_id}, {"sig", to_base64(signature.bytes)}});
    }
    return write_json(boost::json::object{{"payloadType", envelope.payload_type},
                                          {"payload", to_base64(as_bytes(envelope.payload))},
                                          {"signatures", std::move(signatures)}});
}

Result<Envelope> envelope_from_json(std::string_view json) {
    TRY(const auto value,
        parse_json(json, "envelope", {.max_bytes = max_envelope_bytes, .max_depth = 4}));
    JsonReader in(value, "envelope");
    Envelope envelope;
    envelope.payload_type = in.text("payloadType");
    envelope.payload = as_text(decoded(in, "payload").value_or(Bytes{}));
    const auto& signatures = in.array("signatures");
    if (signatures.size() > max_signatures)
        in.reject("signatures", fmt::format("has more than {} entries", max_signatures));
    TRY(in.finish());
    for (std::size_t i = 0; i < signatures.size(); ++i) {
        TRY(auto signature, signature_of(signatures[i], i));
        envelope.signatures.push_back(std::move(signature));
    }
    return envelope;
}

}  // namespace strandline::trust
