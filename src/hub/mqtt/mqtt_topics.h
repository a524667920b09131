#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace strandline::hub {

/// Topics under one root; see api/mqtt.md.
class MqttTopics {
public:
    explicit MqttTopics(std::string root) : root_(std::move(root)) {}

    [[nodiscard]] std::string desired(std::string_view device) const {
        return down(device, "desired");
    }
    [[nodiscard]] std::string command(std::string_view device, std::string_view name) const {
        return down(device, "cmd/" + std::string(name));
    }
    [[nodiscard]] std::string state(std::string_view device) const {
        return root_ + "/d/" + std::string(device) + "/up/state";
    }
    [[nodiscard]] std::string announce() const { return root_ + "/b/announce"; }
    [[nodiscard]] std::string all_states() const { return root_ + "/d/+/up/state"; }
    /// Shared by all replicas of the hub: each report goes to one of them.
    [[nodiscard]] std::string shared_reports() const {
        return "$share/hub/" + root_ + "/d/+/up/reported";
    }

    struct Upward {
        std::string device;
        std::string name;  ///< "state", "reported"
    };
    /// Reads `ROOT/d/DEVICE/up/NAME`.
    [[nodiscard]] std::optional<Upward> parse(std::string_view topic) const;

private:
    [[nodiscard]] std::string down(std::string_view device, std::string_view rest) const {
        return root_ + "/d/" + std::string(device) + "/down/" + std::string(rest);
    }

    std::string root_;
};

}  // namespace strandline::hub
