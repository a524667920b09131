#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/hub/messages.h"
#include "agent/transfer/download.h"

// What a hub or whoever stands in its place says to an agent: MQTT payloads, answers, headers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace agent = strandline::agent;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    strandline::ignore(agent::enroll_answer_from_json(text), "must only not crash");
    strandline::ignore(agent::renew_answer_from_json(text), "must only not crash");
    strandline::ignore(agent::is_desired_pointer(text), "must only not crash");
    const auto announced = agent::announcement_from_json(text);
    STRANDLINE_ASSERT(!announced || announced->spread.count() >= 0);
    STRANDLINE_ASSERT(!announced || !announced->poll_interval ||
                      announced->poll_interval->count() > 0);
    const auto range = agent::parse_content_range(text);
    STRANDLINE_ASSERT(!range || range->start < range->total);
    return 0;
}
