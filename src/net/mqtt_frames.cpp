#include "net/mqtt_frames.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <utility>

#include "net/mqtt_packet.h"

namespace strandline::net {
namespace {

constexpr std::size_t most_length_bytes = 4;

std::uint8_t first_of(ByteSpan packet) { return std::to_integer<std::uint8_t>(packet[0]); }

/// How many bytes at the front say that another one follows, five at most.
std::size_t continued(ByteSpan length) {
    const auto window = length.first(std::min(length.size(), most_length_bytes));
    const auto last = std::find_if(window.begin(), window.end(), [](std::byte value) {
        return (value & std::byte{0x80}) == std::byte{0};
    });
    return static_cast<std::size_t>(last - window.begin());
}

std::size_t header_bytes(ByteSpan packet) { return 2 + continued(packet.subspan(1)); }

Error about(std::uint8_t first, std::string_view problem) {
    return fail(Errc::corrupt, fmt::format("the broker sent {} {}", packet_name(first), problem));
}

/// A PUBACK with more than packet id and reason.
bool has_needless_part(ByteSpan packet) {
    return static_cast<MqttPacket>(first_of(packet) >> 4) == MqttPacket::puback &&
           packet.size() > 5;
}

bool pass_cut(ByteSpan packet, const MqttFrames::Pass& pass) {
    const auto content = packet.subspan(header_bytes(packet), 3);
    const std::array<std::byte, 5> cut = {packet[0], std::byte{3}, content[0], content[1],
                                          content[2]};
    return pass(cut);
}

}  // namespace

/// A CONNACK begins a connection (section 3.2), and nothing comes before it.
Status MqttFrames::check_order(std::uint8_t first) const {
    const bool is_connack = static_cast<MqttPacket>(first >> 4) == MqttPacket::connack;
    if (is_connack && connected_) return about(first, "a second time");
    if (!is_connack && !connected_) return about(first, "before CONNACK");
    return {};
}

/// 0 when too little of its header is there to tell.
Result<std::size_t> MqttFrames::packet_size(ByteSpan bytes) const {
    const auto first = first_of(bytes);
    TRY(std::ignore, check_packet_type(first));
    TRY(check_order(first));
    const auto length = bytes.subspan(1);
    const auto more = continued(length);
    if (more == length.size() && more < most_length_bytes) return std::size_t{0};
    MqttReader reader(length);
    const auto content = reader.variable();
    if (!content) return about(first, content.error().message);
    const std::size_t size = header_bytes(bytes) + *content;
    if (size <= max_packet_bytes_) return size;
    return about(first, fmt::format("of {} bytes, but {} were agreed on", size, max_packet_bytes_));
}

Status MqttFrames::check(ByteSpan packet) {
    const auto first = first_of(packet);
    TRY(check_packet(first, packet.subspan(header_bytes(packet))));
    connected_ = true;
    return {};
}

MqttFrames::Scan MqttFrames::scan(ByteSpan bytes) {
    Scan found;
    while (found.whole < bytes.size()) {
        const auto rest = bytes.subspan(found.whole);
        const auto size = packet_size(rest);
        if (!size) {
            found.status = size.error();
            return found;
        }
        found.next = *size;
        if (*size == 0 || *size > rest.size()) return found;
        found.status = check(rest.first(*size));
        if (!found.status) return found;
        found.cuts = has_needless_part(rest.first(*size));
        if (found.cuts) return found;
        found.whole += *size;
    }
    return found;
}

/// Completes the packet that has begun; false when that is not done or was refused.
Result<bool> MqttFrames::complete(ByteSpan& bytes, const Pass& pass) {
    while (held_packet_ == 0 || held_.size() < held_packet_) {
        if (bytes.empty()) return false;
        const auto wanted = held_packet_ == 0 ? 1 : held_packet_ - held_.size();
        const auto piece = bytes.first(std::min(wanted, bytes.size()));
        held_.insert(held_.end(), piece.begin(), piece.end());
        bytes = bytes.subspan(piece.size());
        if (held_packet_ == 0) {
            TRY(held_packet_, packet_size(held_));
        }
    }
    TRY(check(held_));
    held_packet_ = 0;
    const auto packet = std::exchange(held_, {});
    return has_needless_part(packet) ? pass_cut(packet, pass) : pass(packet);
}

Status MqttFrames::feed(ByteSpan bytes, const Pass& pass) {
    if (!held_.empty()) {
        TRY(const bool go_on, complete(bytes, pass));
        if (!go_on) return {};
    }
    auto found = scan(bytes);
    for (;; found = scan(bytes)) {
        if (found.whole > 0 && !pass(bytes.first(found.whole))) return {};
        if (!found.status) return std::move(found.status);
        if (!found.cuts) break;
        bytes = bytes.subspan(found.whole);
        if (!pass_cut(bytes.first(found.next), pass)) return {};
        bytes = bytes.subspan(found.next);
    }
    const auto rest = bytes.subspan(found.whole);
    held_.assign(rest.begin(), rest.end());
    held_packet_ = rest.empty() ? 0 : found.next;
    return {};
}

}  // namespace strandline::net
