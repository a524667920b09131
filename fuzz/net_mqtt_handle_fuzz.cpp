// What comes through the check of packets goes on to libmosquitto, which must take all of it or end
// the connection: it asserts, and so ends the process, at packets that nobody checked.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <sys/socket.h>

#include "net/mqtt_frames.h"
#include "net/mqtt_handle.h"

namespace {

using strandline::ByteSpan;
using strandline::net::MqttFrames;
using strandline::net::MqttHandle;
using strandline::net::MqttOptions;

MqttHandle& library() {
    static const auto made = [] {
        MqttOptions options;
        options.client_id = "fuzz";
        options.tls = false;
        auto handle = MqttHandle::create(options, {});
        STRANDLINE_ASSERT(handle);
        return std::move(*handle);
    }();
    return *made;
}

bool hand_over(int socket, ByteSpan packets) {
    auto& handle = library();
    while (!packets.empty()) {
        const auto sent = ::send(socket, packets.data(), packets.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        packets = packets.subspan(static_cast<std::size_t>(sent));
        while (handle.readable()) {
            if (!handle.read()) return false;
        }
    }
    return handle.is_open();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t limit = 4096;
    constexpr std::string_view connack("\x20\3\0\0\0", 5);
    const auto local = library().begin_connect();
    STRANDLINE_ASSERT(local);
    const auto pass = [&](ByteSpan packets) { return hand_over(local->get(), packets); };
    MqttFrames frames(limit);
    // An even size begins online, where most packets are possible.
    if (size % 2 == 0) {
        const auto begun = frames.feed(strandline::as_bytes(connack), pass);
        STRANDLINE_ASSERT(begun);
    }
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    strandline::ignore(frames.feed(strandline::as_bytes(input), pass), "a bad packet ends it");
    return 0;
}
