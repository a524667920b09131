#include "cli/context.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <unistd.h>

#include "base/utf8.h"

namespace strandline::cli {

Context::Context(GlobalOptions options) : options_(std::move(options)) {}
Context::~Context() = default;

bool Context::interactive() const {
    return !options_.quiet && !json() && ::isatty(STDERR_FILENO) == 1;
}

std::string Context::profile_path() const {
    return options_.profile.empty() ? default_profile_path() : options_.profile;
}

Result<Profile> Context::profile() const { return load_profile(profile_path()); }

Result<HubClient*> Context::hub() {
    if (!hub_) {
        TRY(const auto stored, profile());
        TRY(hub_, HubClient::create(stored));
    }
    return hub_.get();
}

// What the hub, a device or a file says must not move the cursor or change what is on the screen.
void Context::print(std::string_view text) const {
    const auto shown = json() ? printable_json(text) : printable(text, "\n\t");
    fmt::print("{}{}", shown, text.ends_with('\n') ? "" : "\n");
    std::fflush(stdout);
}

void Context::note(std::string_view text) const {
    if (!options_.quiet) fmt::print(stderr, "{}\n", printable(text, "\n\t"));
}

void Context::show(const Document& document,
                   const std::function<std::string(const Document&)>& text) const {
    print(json() ? document.json() : text(document));
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += fmt::format("{:<{}}  ", row[i], widths[i]);
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::string format_bytes(std::int64_t bytes) {
    constexpr std::array<const char*, 5> units{"B", "kB", "MB", "GB", "TB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1000 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string format_duration_ms(std::int64_t ms) {
    if (ms < 1000) return fmt::format("{} ms", ms);
    if (ms < 120'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
    if (ms < 7'200'000) return fmt::format("{} min", ms / 60'000);
    return fmt::format("{:.1f} h", static_cast<double>(ms) / 3'600'000);
}

Result<ObjectBuilder> parse_labels(const std::vector<std::string>& labels, std::string_view what) {
    ObjectBuilder out;
    for (const auto& label : labels) {
        const auto equals = label.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(Errc::invalid,
                        fmt::format("{} \"{}\": write it as key=value", what, label));
        }
        out.text(label.substr(0, equals), label.substr(equals + 1));
    }
    return out;
}

}  // namespace strandline::cli
