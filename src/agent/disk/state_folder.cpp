#include "agent/disk/state_folder.h"

#include <algorithm>
#include <system_error>

#include "base/file.h"
#include "base/folder_format.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/unfinished_files.h"
#include "base/version.h"

namespace strandline::agent {
namespace {

constexpr std::size_t max_record_bytes = 1U << 20;
constexpr std::string_view program_name = "strandline-agent";
constexpr int newest_format = 2;

template <class Record, class Parse>
Result<Record> load_record(const std::filesystem::path& path, Parse parse) {
    const auto text = read_text_file(path, max_record_bytes);
    if (!text && text.error().code == Errc::not_found) return Record{};
    if (!text) return text.error();
    auto record = parse(*text);
    if (!record) return fail(Errc::corrupt, path.string() + ": " + record.error().message);
    return record;
}

}  // namespace

Status StateFolder::prepare() const {
    for (const auto& folder : {root_, identity(), partials(), releases(), root_ / "slots"}) {
        TRY(make_folders(folder));
    }
    return {};
}

Status StateFolder::adopt_format() const {
    TRY(const int found, check_format());
    if (found == newest_format) return {};
    return write_folder_format(
        root_, {std::string(program_name), newest_format, std::string(program_version)});
}

Result<int> StateFolder::check_format() const {
    TRY(const auto found, read_folder_format(root_));
    if (!found) return 1;
    TRY(check_folder_format(root_, *found, program_name, newest_format));
    return found->format;
}

Status StateFolder::remove_unfinished() const {
    for (const auto& folder : {root_, identity()}) TRY(remove_unfinished_files(folder));
    TRY(const auto names, slots());
    for (const auto& name : names) TRY(remove_unfinished_files(slot(name)));
    return {};
}

Result<DeviceRecord> StateFolder::load_device() const {
    return load_record<DeviceRecord>(root_ / "device.json", device_record_from_json);
}

Status StateFolder::save_device(const DeviceRecord& record) const {
    return write_file_atomically(root_ / "device.json", as_bytes(to_json(record)));
}

Result<BudgetRecord> StateFolder::load_budget() const {
    return load_record<BudgetRecord>(root_ / "budget.json", budget_from_json);
}

Status StateFolder::save_budget(const BudgetRecord& record) const {
    return write_file_atomically(root_ / "budget.json", as_bytes(to_json(record)));
}

Result<SlotPointer> StateFolder::load_pointer(std::string_view slot_name) const {
    return load_record<SlotPointer>(slot(slot_name) / "pointer.json", pointer_from_json);
}

Status StateFolder::save_pointer(std::string_view slot_name, const SlotPointer& pointer) const {
    TRY(make_folders(slot(slot_name)));
    auto saved =
        write_file_atomically(slot(slot_name) / "pointer.json", as_bytes(to_json(pointer)));
    if (saved) return saved;
    // In place although its folder could not be synced: it is what the next start reads.
    const auto seen = load_pointer(slot_name);
    if (!seen || *seen != pointer) return saved;
    log_warn("slot pointer may not survive a power cut slot={} error=\"{}\"", slot_name,
             saved.error().message);
    return {};
}

Result<UpdateJournal> StateFolder::load_journal(std::string_view slot_name) const {
    return load_record<UpdateJournal>(slot(slot_name) / "update.json", journal_from_json);
}

Status StateFolder::save_journal(std::string_view slot_name, const UpdateJournal& journal) const {
    TRY(make_folders(slot(slot_name)));
    return write_file_atomically(slot(slot_name) / "update.json", as_bytes(to_json(journal)));
}

Result<std::vector<std::string>> StateFolder::slots() const {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(root_ / "slots", error), end; !error && it != end;
         it.increment(error)) {
        auto name = it->path().filename().string();
        if (it->is_directory(error) && check_name("slot", name)) names.push_back(std::move(name));
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return error_from_errno((root_ / "slots").string(), error.value());
    }
    std::sort(names.begin(), names.end());
    return names;
}

Status StateFolder::remove_slot(std::string_view slot_name) const {
    TRY(remove_file(slot(slot_name) / "pointer.json"));
    std::error_code error;
    std::filesystem::remove_all(slot(slot_name), error);
    if (error) return error_from_errno(slot(slot_name).string(), error.value());
    return sync_folder(root_ / "slots");
}

}  // namespace strandline::agent
