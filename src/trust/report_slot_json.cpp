#include <fmt/core.h>
#include <set>

#include "base/ids.h"
#include "base/json.h"
#include "trust/json_fields.h"
#include "trust/manifest.h"
#include "trust/report_slot.h"

namespace strandline::trust {
namespace {

constexpr std::size_t max_word = 64;
constexpr std::size_t max_sentence = 1024;

boost::json::value digest_json(const std::optional<Sha256Digest>& digest) {
    if (!digest) return nullptr;
    return boost::json::value(digest->hex());
}

boost::json::value release_json(const std::optional<ReportedRelease>& release) {
    if (!release) return nullptr;
    boost::json::object files;
    for (const auto& [path, digest] : release->files) files[path] = digest.hex();
    return boost::json::object{{"package", release->package},
                               {"version", release->version},
                               {"variant", release->variant},
                               {"manifest", release->manifest.hex()},
                               {"files", std::move(files)}};
}

boost::json::object totals_json(const TransferTotals& totals) {
    return {{"bytes_full", json_integer(totals.bytes_full)},
            {"bytes_received", json_integer(totals.bytes_received)},
            {"deltas", json_integer(totals.deltas)},
            {"fulls", json_integer(totals.fulls)},
            {"reused", json_integer(totals.reused)},
            {"delta_fallbacks", json_integer(totals.delta_fallbacks)},
            {"duration_ms", totals.duration_ms}};
}

boost::json::value error_json(const std::optional<ReportedError>& error) {
    if (!error) return nullptr;
    return boost::json::object{{"stage", json_text(error->stage, max_word)},
                               {"reason", json_text(error->reason, max_word)},
                               {"message", json_text(error->message, max_sentence)}};
}

Result<std::map<std::string, Sha256Digest>> files_of(JsonReader& in) {
    std::map<std::string, Sha256Digest> files;
    for (const auto& [path, hex] : read_text_map(in, "files", max_manifest_files)) {
        in.require(check_bundle_path(path));
        const auto digest = Sha256Digest::from_hex(hex);
        if (!digest) in.reject("files", "has a value that is not a sha256");
        files.emplace(path, digest.value_or(Sha256Digest{}));
    }
    TRY(in.finish_lenient());
    return files;
}

Result<std::optional<ReportedRelease>> release_of(const boost::json::value* value,
                                                  std::string where) {
    if (value == nullptr || value->is_null()) return std::optional<ReportedRelease>{};
    JsonReader in(*value, std::move(where));
    ReportedRelease release;
    release.package = in.text("package");
    release.version = read_short_text(in, "version", max_word);
    release.variant = in.text("variant");
    release.manifest = read_digest(in, "manifest");
    TRY(release.files, files_of(in));
    in.require(check_name("package", release.package));
    in.require(check_name("variant", release.variant));
    TRY(in.finish_lenient());
    return std::optional<ReportedRelease>(std::move(release));
}

Result<TransferTotals> totals_of(const boost::json::value* value, std::string where) {
    TransferTotals totals;
    if (value == nullptr || value->is_null()) return totals;
    JsonReader in(*value, std::move(where));
    totals.bytes_full = read_size_or(in, "bytes_full", 0);
    totals.bytes_received = read_size_or(in, "bytes_received", 0);
    totals.deltas = read_size_or(in, "deltas", 0);
    totals.fulls = read_size_or(in, "fulls", 0);
    totals.reused = read_size_or(in, "reused", 0);
    totals.delta_fallbacks = read_size_or(in, "delta_fallbacks", 0);
    totals.duration_ms = in.integer_or("duration_ms", 0, 0, max_json_integer);
    TRY(in.finish_lenient());
    return totals;
}

Result<std::optional<ReportedError>> error_of(const boost::json::value* value, std::string where) {
    if (value == nullptr || value->is_null()) return std::optional<ReportedError>{};
    JsonReader in(*value, std::move(where));
    ReportedError error;
    error.stage = read_short_text(in, "stage", max_word);
    error.reason = read_short_text(in, "reason", max_word);
    error.message = read_short_text(in, "message", max_sentence);
    TRY(in.finish_lenient());
    return std::optional<ReportedError>(std::move(error));
}

void read_words(JsonReader& in, ReportedSlot& slot) {
    slot.slot = in.text("slot");
    slot.state = read_short_text(in, "state", max_word);
    slot.deployment = read_short_text(in, "deployment", max_word);
    slot.serving = in.boolean_or("serving", false);
    slot.not_serving_reason = read_short_text(in, "not_serving_reason", max_sentence);
    slot.self_test = read_short_text(in, "self_test", max_word);
    slot.progress = in.number_or("progress", 0, 0, 1);
    slot.uptime_ms = in.integer_or("uptime_ms", 0, 0, max_json_integer);
    slot.inferences = read_size_or(in, "inferences", 0);
    slot.inference_errors = read_size_or(in, "inference_errors", 0);
    slot.target = read_optional_digest(in, "target");
    slot.refused = read_optional_digest(in, "refused");
    in.require(check_name("slot", slot.slot));
}

Result<ReportedSlot> slot_of(const boost::json::value& value, std::size_t index) {
    const std::string where = fmt::format("report.slots[{}]", index);
    JsonReader in(value, where);
    ReportedSlot slot;
    read_words(in, slot);
    TRY(slot.active, release_of(in.find("active"), where + ".active"));
    TRY(slot.previous, release_of(in.find("previous"), where + ".previous"));
    TRY(slot.last_update, totals_of(in.find("last_update"), where + ".last_update"));
    TRY(slot.error, error_of(in.find("error"), where + ".error"));
    TRY(in.finish_lenient());
    return slot;
}

}  // namespace

boost::json::object slot_json(const ReportedSlot& slot) {
    return {{"slot", slot.slot},
            {"state", json_text(slot.state, max_word)},
            {"deployment", slot.deployment},
            {"active", release_json(slot.active)},
            {"previous", release_json(slot.previous)},
            {"target", digest_json(slot.target)},
            {"serving", slot.serving},
            {"not_serving_reason", json_text(slot.not_serving_reason, max_sentence)},
            {"self_test", json_text(slot.self_test, max_word)},
            {"progress", json_number(slot.progress)},
            {"uptime_ms", slot.uptime_ms},
            {"inferences", json_integer(slot.inferences)},
            {"inference_errors", json_integer(slot.inference_errors)},
            {"last_update", totals_json(slot.last_update)},
            {"error", error_json(slot.error)},
            {"refused", digest_json(slot.refused)}};
}

Result<std::vector<ReportedSlot>> slots_of(const boost::json::array& values) {
    std::vector<ReportedSlot> slots;
    std::set<std::string> names;
    for (std::size_t i = 0; i < values.size(); ++i) {
        TRY(auto slot, slot_of(values[i], i));
        if (!names.insert(slot.slot).second) {
            return fail(Errc::invalid,
                        fmt::format("report.slots has the slot \"{}\" twice", slot.slot));
        }
        slots.push_back(std::move(slot));
    }
    return slots;
}

}  // namespace strandline::trust
