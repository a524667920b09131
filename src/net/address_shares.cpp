#include "net/address_shares.h"

#include <boost/asio/ip/address.hpp>
#include <utility>

namespace strandline::net {
namespace {

namespace ip = boost::asio::ip;

// What one host can choose freely is left out.
std::string share_of(const std::string& address) {
    boost::system::error_code failed;
    const auto parsed = ip::make_address(address, failed);
    if (failed || parsed.is_v4()) return address;
    const auto six = parsed.to_v6();
    if (six.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, six).to_string();
    const auto bytes = six.to_bytes();
    return {bytes.begin(), bytes.begin() + 8};
}

}  // namespace

AddressShares::Place::Place(AddressShares& shares, std::string key)
    : shares_(&shares), key_(std::move(key)) {
    ++shares_->held_[key_];
}

AddressShares::Place::Place(Place&& other) noexcept
    : shares_(std::exchange(other.shares_, nullptr)), key_(std::move(other.key_)) {}

AddressShares::Place::~Place() {
    if (shares_ == nullptr) return;
    const auto found = shares_->held_.find(key_);
    if (--found->second == 0) shares_->held_.erase(found);
}

std::optional<AddressShares::Place> AddressShares::take(const std::string& address) {
    auto key = share_of(address);
    const auto found = held_.find(key);
    if (limit_ > 0 && found != held_.end() && found->second >= limit_) return std::nullopt;
    return Place(*this, std::move(key));
}

}  // namespace strandline::net
