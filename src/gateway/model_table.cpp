#include "gateway/model_table.h"

#include <fmt/format.h>

namespace strandline::gateway {

std::shared_ptr<const ServedModel> ModelTable::publish(ServedModel model) {
    auto entry = std::make_shared<const ServedModel>(std::move(model));
    const std::lock_guard lock(mutex_);
    if (const auto withdrawn = withdrawn_.find(entry->name); withdrawn != withdrawn_.end()) {
        withdrawn_.erase(withdrawn);
    }
    auto& place = models_[entry->name];
    // The old one goes to the caller, so that freeing a model never happens under the lock.
    return std::exchange(place, std::move(entry));
}

std::shared_ptr<const ServedModel> ModelTable::withdraw(std::string_view name, std::string reason) {
    const std::lock_guard lock(mutex_);
    if (!reason.empty()) {
        withdrawn_[std::string(name)] = std::move(reason);
    } else if (const auto known = withdrawn_.find(name); known != withdrawn_.end()) {
        withdrawn_.erase(known);
    }
    const auto found = models_.find(name);
    if (found == models_.end()) return nullptr;
    auto out = std::move(found->second);
    models_.erase(found);
    return out;
}

Result<std::shared_ptr<const ServedModel>> ModelTable::find(std::string_view name,
                                                            std::string_view version) const {
    const std::lock_guard lock(mutex_);
    const auto found = models_.find(name);
    if (found != models_.end() && (version.empty() || version == found->second->version)) {
        return found->second;
    }
    if (found != models_.end()) {
        return fail(
            Errc::not_found,
            fmt::format(
                "Request for unknown model: '{}' version '{}' is not found; version '{}' is", name,
                version, found->second->version));
    }
    if (const auto withdrawn = withdrawn_.find(name); withdrawn != withdrawn_.end()) {
        return fail(Errc::unavailable, fmt::format("Request for unavailable model: '{}': {}", name,
                                                   withdrawn->second));
    }
    return fail(Errc::not_found, fmt::format("Request for unknown model: '{}' is not found", name));
}

std::vector<std::shared_ptr<const ServedModel>> ModelTable::list() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const ServedModel>> out;
    out.reserve(models_.size());
    for (const auto& [name, model] : models_) out.push_back(model);
    return out;
}

std::vector<std::pair<std::string, std::string>> ModelTable::unavailable() const {
    const std::lock_guard lock(mutex_);
    return {withdrawn_.begin(), withdrawn_.end()};
}

}  // namespace strandline::gateway
