// What a broker sends, whole or in pieces: both must come to the same packets and the same end, and
// what comes through must be good on its own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/mqtt_frames.h"

namespace {

using strandline::ByteSpan;
using strandline::net::MqttFrames;

struct Outcome {
    std::string passed;
    std::string error;
    std::size_t held = 0;
    bool operator==(const Outcome&) const = default;
};

Outcome feed(std::string_view input, std::size_t limit, std::size_t step) {
    MqttFrames frames(limit);
    Outcome outcome;
    while (!input.empty() && outcome.error.empty()) {
        const auto piece = input.substr(0, step);
        input.remove_prefix(piece.size());
        const auto status = frames.feed(strandline::as_bytes(piece), [&](ByteSpan packets) {
            outcome.passed += strandline::as_text(packets);
            return true;
        });
        if (!status) outcome.error = status.error().message;
        outcome.held = frames.held();
        STRANDLINE_ASSERT(outcome.held <= limit);
    }
    if (!outcome.error.empty()) outcome.held = 0;
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t limit = std::size_t{64} << (data[0] % 8);
    const std::size_t step = data[1] % 16 + 1;
    const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto whole = feed(input, limit, size);
    STRANDLINE_ASSERT(whole == feed(input, limit, step));
    const auto again = feed(whole.passed, limit, size);
    STRANDLINE_ASSERT(again.passed == whole.passed && again.error.empty() && again.held == 0);
    return 0;
}
