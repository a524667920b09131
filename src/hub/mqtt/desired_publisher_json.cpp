#include "base/json.h"
#include "hub/mqtt/desired_publisher.h"

namespace strandline::hub {

std::string desired_payload(const fleet::DesiredRecord& record) {
    constexpr std::size_t largest_inline = std::size_t{64} << 10;
    if (record.envelope.size() <= largest_inline) return record.envelope;
    return write_json(
        boost::json::object{{"digest", record.digest.hex()}, {"url", "/v1/device/desired"}});
}

}  // namespace strandline::hub
