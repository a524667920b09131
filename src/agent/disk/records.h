#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/update_state.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "trust/report.h"

// The small files of the agent's state folder. Each is replaced atomically.
namespace strandline::agent {

/// slots/<slot>/pointer.json: the only commit point of an update.
struct SlotPointer {
    std::optional<Sha256Digest> active;
    std::optional<Sha256Digest> previous;
    friend bool operator==(const SlotPointer&, const SlotPointer&) = default;
};

/// What makes an order another one: the same release may be ordered again by a new deployment.
struct OrderId {
    Sha256Digest manifest;
    std::string deployment;
    friend bool operator==(const OrderId&, const OrderId&) = default;
};

/// An order that ended badly. It is not tried again until another order comes.
struct Refusal {
    OrderId order;
    trust::ReportedError error;
    friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// slots/<slot>/update.json: the running update, and what the last one left.
struct UpdateJournal {
    UpdateState state = UpdateState::idle;
    std::optional<OrderId> order;                 ///< being worked on; empty when idle
    std::map<UpdateState, unsigned> entered;      ///< entries of a state that were never left
    std::vector<std::string> no_delta;            ///< paths whose delta failed: fetched whole
    std::optional<trust::ReportedError> failure;  ///< why the roll-back runs
    trust::TransferTotals totals;                 ///< of the running or else the last update
    std::optional<Sha256Digest> unproven;         ///< active, but its soak never ended
    std::string unproven_deployment;              ///< that ordered it
    std::chrono::milliseconds soaked{0};          ///< how much of its soak is behind it
    std::optional<OrderId> completed;             ///< the last order that ended well
    std::optional<Refusal> refusal;               ///< the last order that did not
    std::string self_test = "none";               ///< of the active release: passed, failed, none
    unsigned load_attempts = 0;  ///< loads of the active release that never returned

    void forget_unproven() {
        unproven.reset();
        unproven_deployment.clear();
        soaked = std::chrono::milliseconds{0};
    }
    friend bool operator==(const UpdateJournal&, const UpdateJournal&) = default;
};

/// device.json: what must never go back.
struct DeviceRecord {
    std::int64_t generation = 0;          ///< highest desired state accepted
    std::optional<Sha256Digest> desired;  ///< digest of its payload
    std::int64_t boot = 0;                ///< of the last start; grows with each
    WallTime time_floor{};
    friend bool operator==(const DeviceRecord&, const DeviceRecord&) = default;
};

/// budget.json: payload bytes charged to a day.
struct BudgetRecord {
    std::int64_t day = 0;  ///< since 1970, UTC
    std::uint64_t bytes = 0;
    friend bool operator==(const BudgetRecord&, const BudgetRecord&) = default;
};

/// A partial download: the journal beside the bytes.
struct PartialRecord {
    std::string target;  ///< path on the hub
    std::string etag;    ///< strong validator as received, quoted
    std::uint64_t size = 0;
    friend bool operator==(const PartialRecord&, const PartialRecord&) = default;
};

[[nodiscard]] std::string to_json(const SlotPointer& pointer);
[[nodiscard]] Result<SlotPointer> pointer_from_json(std::string_view text);
[[nodiscard]] std::string to_json(const UpdateJournal& journal);
[[nodiscard]] Result<UpdateJournal> journal_from_json(std::string_view text);
[[nodiscard]] std::string to_json(const DeviceRecord& record);
[[nodiscard]] Result<DeviceRecord> device_record_from_json(std::string_view text);
[[nodiscard]] std::string to_json(const BudgetRecord& record);
[[nodiscard]] Result<BudgetRecord> budget_from_json(std::string_view text);
[[nodiscard]] std::string to_json(const PartialRecord& record);
[[nodiscard]] Result<PartialRecord> partial_from_json(std::string_view text);

}  // namespace strandline::agent
