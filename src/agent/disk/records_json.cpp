#include <limits>
#include <utility>

#include "agent/disk/records.h"
#include "base/json.h"

namespace strandline::agent {
namespace {

namespace json = boost::json;

constexpr std::int64_t max_count = std::int64_t{1} << 53;

json::value digest_or_null(const std::optional<Sha256Digest>& digest) {
    return digest ? json::value(digest->hex()) : json::value(nullptr);
}

/// Null and absent both mean none.
std::optional<Sha256Digest> read_digest(JsonReader& in, std::string_view key) {
    const auto* value = in.find(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (!value->is_string()) {
        in.reject(key, "must be a text");
        return std::nullopt;
    }
    auto digest = Sha256Digest::from_hex(std::string_view(value->get_string()));
    if (!digest) {
        in.reject(key, digest.error().message);
        return std::nullopt;
    }
    return *digest;
}

json::value order_json(const OrderId& order) {
    return json::object{{"manifest", order.manifest.hex()}, {"deployment", order.deployment}};
}

OrderId read_order(JsonReader& parent, const json::value& value) {
    JsonReader in(value, parent.where() + ".order");
    OrderId order;
    if (auto digest = read_digest(in, "manifest")) order.manifest = *digest;
    order.deployment = in.text_or("deployment", "");
    parent.require(in.finish());
    return order;
}

std::optional<OrderId> read_optional_order(JsonReader& in, std::string_view key) {
    const auto* value = in.find(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    return read_order(in, *value);
}

json::value error_json(const trust::ReportedError& error) {
    return json::object{
        {"stage", error.stage}, {"reason", error.reason}, {"message", error.message}};
}

trust::ReportedError read_error(JsonReader& parent, const json::value& value) {
    JsonReader in(value, parent.where() + ".error");
    trust::ReportedError error;
    error.stage = in.text("stage");
    error.reason = in.text("reason");
    error.message = in.text("message");
    parent.require(in.finish());
    return error;
}

json::value totals_json(const trust::TransferTotals& totals) {
    return json::object{
        {"bytes_full", totals.bytes_full},  {"bytes_received", totals.bytes_received},
        {"deltas", totals.deltas},          {"fulls", totals.fulls},
        {"reused", totals.reused},          {"delta_fallbacks", totals.delta_fallbacks},
        {"duration_ms", totals.duration_ms}};
}

trust::TransferTotals read_totals(JsonReader& parent, const json::value& value) {
    JsonReader in(value, parent.where() + ".totals");
    const auto count = [&in](std::string_view key) {
        return static_cast<std::uint64_t>(in.integer_or(key, 0, 0, max_count));
    };
    trust::TransferTotals totals;
    totals.bytes_full = count("bytes_full");
    totals.bytes_received = count("bytes_received");
    totals.deltas = count("deltas");
    totals.fulls = count("fulls");
    totals.reused = count("reused");
    totals.delta_fallbacks = count("delta_fallbacks");
    totals.duration_ms = in.integer_or("duration_ms", 0, 0, max_count);
    parent.require(in.finish());
    return totals;
}

UpdateState read_state(JsonReader& in, std::string_view name) {
    const auto state = update_state_from_string(name);
    if (!state) in.reject("state", "is not a state of this version");
    return state.value_or(UpdateState::idle);
}

json::object entered_json(const std::map<UpdateState, unsigned>& entered) {
    json::object out;
    for (const auto& [state, count] : entered) {
        if (count > 0) out[to_string(state)] = count;
    }
    return out;
}

std::map<UpdateState, unsigned> read_entered(JsonReader& in) {
    std::map<UpdateState, unsigned> entered;
    for (const auto& item : in.object("entered")) {
        const auto state = read_state(in, item.key());
        const auto* count = item.value().if_int64();
        if (count == nullptr || *count < 0 || *count > 1'000'000) {
            in.reject("entered", "must hold counts");
            continue;
        }
        entered[state] = static_cast<unsigned>(*count);
    }
    return entered;
}

std::vector<std::string> read_texts(JsonReader& in, std::string_view key) {
    std::vector<std::string> out;
    for (const auto& item : in.array(key)) {
        if (item.is_string()) {
            out.emplace_back(std::string_view(item.get_string()));
        } else {
            in.reject(key, "must hold texts");
        }
    }
    return out;
}

json::array texts_json(const std::vector<std::string>& texts) {
    json::array out;
    for (const auto& text : texts) out.emplace_back(text);
    return out;
}

std::optional<Refusal> read_refusal(JsonReader& in) {
    const auto* value = in.find("refusal");
    if (value == nullptr || value->is_null()) return std::nullopt;
    JsonReader inner(*value, in.where() + ".refusal");
    Refusal refusal;
    if (const auto* order = inner.find("order")) refusal.order = read_order(inner, *order);
    if (const auto* error = inner.find("error")) refusal.error = read_error(inner, *error);
    in.require(inner.finish());
    return refusal;
}

}  // namespace

std::string to_json(const SlotPointer& pointer) {
    json::object out{{"active", digest_or_null(pointer.active)},
                     {"previous", digest_or_null(pointer.previous)}};
    return write_json(out);
}

Result<SlotPointer> pointer_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "pointer.json"));
    JsonReader in(value, "pointer.json");
    SlotPointer pointer;
    pointer.active = read_digest(in, "active");
    pointer.previous = read_digest(in, "previous");
    TRY(in.finish());
    return pointer;
}

std::string to_json(const UpdateJournal& journal) {
    json::object out{{"state", to_string(journal.state)},
                     {"entered", entered_json(journal.entered)},
                     {"no_delta", texts_json(journal.no_delta)},
                     {"totals", totals_json(journal.totals)},
                     {"unproven", digest_or_null(journal.unproven)},
                     {"self_test", journal.self_test},
                     {"load_attempts", journal.load_attempts}};
    // Left out when empty, as by earlier versions, which refuse what they do not know.
    if (!journal.unproven_deployment.empty())
        out["unproven_deployment"] = journal.unproven_deployment;
    if (journal.soaked.count() > 0) out["soaked_ms"] = journal.soaked.count();
    if (journal.order) out["order"] = order_json(*journal.order);
    if (journal.failure) out["failure"] = error_json(*journal.failure);
    if (journal.completed) out["completed"] = order_json(*journal.completed);
    if (journal.refusal) {
        json::object refusal;
        refusal["order"] = order_json(journal.refusal->order);
        refusal["error"] = error_json(journal.refusal->error);
        out["refusal"] = std::move(refusal);
    }
    return write_json(out);
}

Result<UpdateJournal> journal_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "update.json"));
    JsonReader in(value, "update.json");
    UpdateJournal journal;
    journal.state = read_state(in, in.text("state"));
    journal.order = read_optional_order(in, "order");
    journal.entered = read_entered(in);
    journal.no_delta = read_texts(in, "no_delta");
    if (const auto* failure = in.find("failure")) journal.failure = read_error(in, *failure);
    if (const auto* totals = in.find("totals")) journal.totals = read_totals(in, *totals);
    journal.unproven = read_digest(in, "unproven");
    journal.unproven_deployment = in.text_or("unproven_deployment", "");
    journal.soaked = std::chrono::milliseconds{in.integer_or("soaked_ms", 0, 0, max_count)};
    journal.completed = read_optional_order(in, "completed");
    journal.refusal = read_refusal(in);
    journal.self_test = in.text_or("self_test", "none");
    journal.load_attempts = static_cast<unsigned>(in.integer_or("load_attempts", 0, 0, 1'000'000));
    TRY(in.finish());
    return journal;
}

std::string to_json(const DeviceRecord& record) {
    json::object out{{"generation", record.generation},
                     {"desired", digest_or_null(record.desired)},
                     {"boot", record.boot},
                     {"time_floor", to_rfc3339(record.time_floor)}};
    return write_json(out);
}

Result<DeviceRecord> device_record_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "device.json"));
    JsonReader in(value, "device.json");
    DeviceRecord record;
    record.generation = in.integer("generation", 0, max_count);
    record.desired = read_digest(in, "desired");
    record.boot = in.integer("boot", 0, max_count);
    const auto floor = in.text("time_floor");
    TRY(in.finish());
    TRY(record.time_floor, from_rfc3339(floor));
    return record;
}

std::string to_json(const BudgetRecord& record) {
    return write_json(json::object{{"day", record.day}, {"bytes", record.bytes}});
}

Result<BudgetRecord> budget_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "budget.json"));
    JsonReader in(value, "budget.json");
    BudgetRecord record;
    record.day = in.integer("day", 0, max_count);
    record.bytes = static_cast<std::uint64_t>(in.integer("bytes", 0, max_count));
    TRY(in.finish());
    return record;
}

std::string to_json(const PartialRecord& record) {
    json::object out{{"target", record.target}, {"etag", record.etag}, {"size", record.size}};
    return write_json(out);
}

Result<PartialRecord> partial_from_json(std::string_view text) {
    TRY(const auto value, parse_json(text, "partial download"));
    JsonReader in(value, "partial download");
    PartialRecord record;
    record.target = in.text("target");
    record.etag = in.text("etag");
    record.size = static_cast<std::uint64_t>(in.integer("size", 0, max_count));
    TRY(in.finish());
    return record;
}

}  // namespace strandline::agent
