#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/disk/records.h"
#include "base/result.h"

namespace strandline::agent {

/// Names and loads the files of one agent's state folder. Only this class knows the layout. Holds
/// nothing but the path, so copies are free; the agent's lock makes one process the only writer.
class StateFolder {
public:
    explicit StateFolder(std::filesystem::path root) : root_(std::move(root)) {}

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] std::filesystem::path identity() const { return root_ / "identity"; }
    [[nodiscard]] std::filesystem::path partials() const { return root_ / "staging"; }
    [[nodiscard]] std::filesystem::path releases() const { return root_ / "releases"; }
    [[nodiscard]] std::filesystem::path quarantine() const { return root_ / "quarantine"; }
    [[nodiscard]] std::filesystem::path lock_file() const { return root_ / "agent.lock"; }
    [[nodiscard]] std::filesystem::path info_file() const { return root_ / "agent.json"; }
    [[nodiscard]] std::filesystem::path desired_file() const { return root_ / "desired.json"; }
    [[nodiscard]] std::filesystem::path slot(std::string_view name) const {
        return root_ / "slots" / name;
    }

    /// Makes the folders that are missing.
    [[nodiscard]] Status prepare() const;
    /// Removes what a crash left half-written. Only with the lock held.
    [[nodiscard]] Status remove_unfinished() const;

    /// Marks the folder with this program's format; `conflict` when it is of a newer one. Format 1
    /// had no mark and the same files, so there is nothing else to change.
    [[nodiscard]] Status adopt_format() const;
    /// The same refusal without changing anything; the format found.
    [[nodiscard]] Result<int> check_format() const;

    /// A missing file is the default record; a damaged one is `corrupt`.
    [[nodiscard]] Result<DeviceRecord> load_device() const;
    [[nodiscard]] Status save_device(const DeviceRecord& record) const;
    [[nodiscard]] Result<BudgetRecord> load_budget() const;
    [[nodiscard]] Status save_budget(const BudgetRecord& record) const;
    [[nodiscard]] Result<SlotPointer> load_pointer(std::string_view slot_name) const;
    /// An error means that the old pointer is still in force.
    [[nodiscard]] Status save_pointer(std::string_view slot_name, const SlotPointer& pointer) const;
    [[nodiscard]] Result<UpdateJournal> load_journal(std::string_view slot_name) const;
    [[nodiscard]] Status save_journal(std::string_view slot_name,
                                      const UpdateJournal& journal) const;

    [[nodiscard]] Result<std::vector<std::string>> slots() const;
    /// Forgets a slot: pointer first, so that a cut leaves a slot without a model, never half of
    /// one.
    [[nodiscard]] Status remove_slot(std::string_view slot_name) const;

private:
    std::filesystem::path root_;
};

}  // namespace strandline::agent
