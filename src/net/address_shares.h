#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

// Internal to net.
namespace strandline::net {

/// Counts what each address holds, and lets none hold more than its share. IPv6 counts by /64
/// network, which is what one host is given. On the I/O thread only; outlives its places.
class AddressShares {
public:
    /// 0 is no limit.
    explicit AddressShares(std::size_t limit) : limit_(limit) {}

    /// Held for as long as it lives.
    class Place {
    public:
        Place(AddressShares& shares, std::string key);
        ~Place();
        Place(Place&& other) noexcept;
        Place& operator=(Place&&) = delete;

    private:
        AddressShares* shares_;
        std::string key_;
    };

    /// Nothing when the address holds its share already.
    [[nodiscard]] std::optional<Place> take(const std::string& address);
    [[nodiscard]] std::size_t addresses() const { return held_.size(); }

private:
    std::size_t limit_;
    std::unordered_map<std::string, std::size_t> held_;
};

}  // namespace strandline::net
