#include "agent/hub/messages.h"
#include "base/ids.h"
#include "base/json.h"

namespace strandline::agent {
namespace {

namespace json = boost::json;

constexpr std::int64_t max_span_ms = std::int64_t{30} * 24 * 3600 * 1000;

void read_mqtt(JsonReader& parent, HubAddress& address) {
    const auto* value = parent.find("mqtt");
    if (value == nullptr || value->is_null()) return;
    JsonReader in(*value, parent.where() + ".mqtt");
    address.mqtt_host = in.text("host");
    address.mqtt_port = static_cast<std::uint16_t>(in.integer("port", 0, 65'535));
    address.mqtt_root = in.text_or("root", address.mqtt_root);
    parent.require(in.finish_lenient());
}

HubAddress read_address(JsonReader& in) {
    HubAddress address;
    address.device = in.text("device");
    address.hub = in.text("hub");
    while (address.hub.ends_with('/')) address.hub.pop_back();
    read_mqtt(in, address);
    in.require(check_name("device", address.device));
    return address;
}

}  // namespace

std::string to_json(const HubAddress& address) {
    json::object mqtt{
        {"host", address.mqtt_host}, {"port", address.mqtt_port}, {"root", address.mqtt_root}};
    json::object out{{"device", address.device}, {"hub", address.hub}, {"mqtt", std::move(mqtt)}};
    return write_json(out);
}

Result<HubAddress> hub_address_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "hub.json"));
    JsonReader in(value, "hub.json");
    auto address = read_address(in);
    TRY(in.finish());
    return address;
}

std::string to_json(const EnrollRequest& request) {
    json::object labels;
    for (const auto& [key, value] : request.labels) labels[key] = value;
    json::object out{{"token", request.token}, {"csr", request.csr}, {"arch", request.arch}};
    if (!request.name.empty()) out["name"] = request.name;
    if (!labels.empty()) out["labels"] = std::move(labels);
    return write_json(out);
}

Result<EnrollAnswer> enroll_answer_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "enrolment answer"));
    JsonReader in(value, "enrolment answer");
    EnrollAnswer answer;
    answer.address = read_address(in);
    answer.certificate_pem = in.text("certificate");
    answer.ca_pem = in.text("ca");
    const auto* keyset = in.find("keyset");
    if (keyset == nullptr || !keyset->is_object()) {
        in.reject("keyset", "must be an envelope");
    } else {
        answer.keyset = write_json(*keyset);
    }
    TRY(in.finish_lenient());
    return answer;
}

std::string renew_request_json(std::string_view csr_pem) {
    return write_json(json::object{{"csr", csr_pem}});
}

Result<std::string> renew_answer_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "renewal answer"));
    JsonReader in(value, "renewal answer");
    auto certificate = in.text("certificate");
    TRY(in.finish_lenient());
    return certificate;
}

Result<Announcement> announcement_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "announcement"));
    JsonReader in(value, "announcement");
    Announcement out;
    out.spread = std::chrono::milliseconds{in.integer_or("spread_ms", 0, 0, max_span_ms)};
    out.reconnect_window =
        std::chrono::milliseconds{in.integer_or("reconnect_window_ms", 0, 0, max_span_ms)};
    if (in.has("poll_interval_ms")) {
        out.poll_interval =
            std::chrono::milliseconds{in.integer("poll_interval_ms", 100, max_span_ms)};
    }
    TRY(in.finish_lenient());
    return out;
}

Result<bool> is_desired_pointer(std::string_view text) {
    TRY(const auto value, parse_json(text, "desired state message"));
    if (!value.is_object()) return fail(Errc::invalid, "desired state message: must be an object");
    return !value.get_object().contains("payloadType") && value.get_object().contains("url");
}

std::optional<std::string> version_in(std::string_view whoami) {
    const auto json = parse_json(whoami, "whoami");
    if (!json) return std::nullopt;
    JsonReader in(*json, "whoami");
    return in.optional_text("version");
}

std::string presence_json(std::string_view state, std::int64_t boot) {
    return write_json(json::object{{"state", state}, {"boot", boot}});
}

std::string to_json(const RuntimeInfo& info) {
    json::object out{{"pid", info.pid},
                     {"device", info.device},
                     {"url", info.serve_url()},
                     {"serve_address", info.serve_address},
                     {"serve_port", info.serve_port}};
    return write_json(out);
}

std::string RuntimeInfo::serve_url() const {
    if (serve_address.empty()) return {};
    const bool v6 = serve_address.find(':') != std::string::npos;
    return "http://" + (v6 ? "[" + serve_address + "]" : serve_address) + ":" +
           std::to_string(serve_port);
}

}  // namespace strandline::agent
